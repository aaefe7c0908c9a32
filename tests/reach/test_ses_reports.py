"""Reports that Amazon SES publishes by SNS: they come through the queue that the topic sends to."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import aws
from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.stores.items import to_item
from chalicelib.reach.domain.sent_mails import MailKind, MailName, SentState
from chalicelib.reach.gateways.ses_reports import read_ses_reports
from chalicelib.resources import DELIVERIES, DIRECTORY, MAIL_REPORTS
from tests.conftest import Desk
from tests.support.api import Api
from tests.support.mail_server import MailServer
from tests.support.mails import ALICE, MAIL, ask_for_test, publish, send
from tests.support.pump import Pumps, count_messages

SES_ID, OTHER_ID = "0100018f2c6d-made-up-000000", "0100018f2c6d-made-up-000001"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:reports"
NOTIFICATION, EVENT = "notificationType", "eventType"


@pytest.fixture
def message_id(api: Api, desk: Desk, pump: Pumps, server: MailServer) -> str:
    """The Message-ID of a message to Alice that Amazon SES has taken."""
    send(desk, pump, publish(api, desk))
    found = str(server.received[-1].message["Message-ID"])
    change_sent(found, providerId=SES_ID)
    return found


def change_sent(message_id: str, **values: str) -> None:
    """Change the stored row of a message, as if SES had sent it."""
    name = MailName.parse(message_id)
    assert name
    aws.dynamodb().update_item(
        TableName=DELIVERIES.physical_name,
        Key=to_item({"pk": name.subject, "sk": f"MAIL#{name.message_id}"}),
        UpdateExpression="SET " + ", ".join(f"#{key} = :{key}" for key in values),
        ExpressionAttributeNames={f"#{key}": key for key in values},
        ExpressionAttributeValues=to_item({f":{key}": value for key, value in values.items()}),
    )


def about(message_id: str, member: str, ses_id: str = SES_ID) -> dict[str, Any]:
    """Return what SES says of the message itself: a notification and an event have its Message-ID in two places."""
    common = {"subject": "Build failed", "messageId": message_id if member == NOTIFICATION else ses_id}
    headers = [{"name": "Subject", "value": "Build failed"}, {"name": "Message-ID", "value": message_id}]
    return {
        "timestamp": "2027-05-21T12:00:00.000Z",
        "messageId": ses_id,
        "source": "desk@example.com",
        "destination": [ALICE],
        "headersTruncated": False,
        "commonHeaders": common,
        **({"headers": headers, "tags": {"ses:operation": ["SendEmail"]}} if member == EVENT else {}),
    }


def bounce(
    message_id: str, *, member: str = EVENT, kind: str = "Permanent", recipient: str = ALICE, ses_id: str = SES_ID
) -> dict[str, Any]:
    """Return what SES says of a message that came back."""
    recipients = [{"emailAddress": recipient, "action": "failed", "status": "5.1.1", "diagnosticCode": "smtp; 550 no"}]
    return {
        member: "Bounce",
        "bounce": {
            "bounceType": kind,
            "bounceSubType": "General",
            "bouncedRecipients": recipients,
            "timestamp": "2027-05-21T12:00:01.000Z",
            "feedbackId": "made-up",
        },
        "mail": about(message_id, member, ses_id),
    }


def complaint(
    message_id: str, *, member: str = EVENT, feedback: str | None = "abuse", recipient: str = ALICE
) -> dict[str, Any]:
    """Return what SES says of a message that was called spam. Some providers say no kind of feedback."""
    said = {"complaintFeedbackType": feedback} if feedback else {"complaintSubType": None}
    return {
        member: "Complaint",
        "complaint": {"complainedRecipients": [{"emailAddress": recipient}], "feedbackId": "made-up", **said},
        "mail": about(message_id, member),
    }


def as_it_is(published: Any) -> str:
    return json.dumps(published)


def in_envelope(published: Any) -> str:
    """Return what a topic sends to a queue unless it is told to leave out its own part."""
    text = published if isinstance(published, str) else json.dumps(published)
    return json.dumps({"Type": "Notification", "MessageId": str(uuid4()), "TopicArn": TOPIC, "Message": text})


FORMS = [as_it_is, in_envelope]


def receive(pump: Pumps, *bodies: str) -> None:
    for body in bodies:
        aws.sqs().send_message(QueueUrl=aws.queue_url(MAIL_REPORTS.physical_name), MessageBody=body)
    pump.drain(MAIL_REPORTS)


def state_of(api: Api, token: str) -> tuple[str, str | None]:
    shown = api.get(MAIL, token).json
    return shown["state"], shown["reason"]


def assert_all_done() -> None:
    assert (count_messages(MAIL_REPORTS), count_messages(MAIL_REPORTS.dead_letters)) == (0, 0)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("member", [NOTIFICATION, EVENT])
def test_a_permanent_bounce_pauses_the_address(
    api: Api, desk: Desk, pump: Pumps, message_id: str, member: str, form: Callable[[Any], str]
) -> None:
    receive(pump, form(bounce(message_id, member=member)))
    assert state_of(api, desk.alice_key) == ("paused", "bounce")
    assert_all_done()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("member", [NOTIFICATION, EVENT])
@pytest.mark.parametrize("feedback", ["abuse", None])
def test_a_complaint_pauses_the_address(
    api: Api,
    desk: Desk,
    pump: Pumps,
    message_id: str,
    member: str,
    form: Callable[[Any], str],
    feedback: str | None,
) -> None:
    receive(pump, form(complaint(message_id, member=member, feedback=feedback)))
    assert state_of(api, desk.alice_key) == ("paused", "complaint")
    assert_all_done()


@pytest.mark.parametrize("kind", ["Transient", "Undetermined"])
def test_a_bounce_that_may_pass_pauses_nothing(api: Api, desk: Desk, pump: Pumps, message_id: str, kind: str) -> None:
    receive(pump, in_envelope(bounce(message_id, kind=kind)))
    assert state_of(api, desk.alice_key) == ("active", None)
    assert_all_done()


@pytest.mark.parametrize("feedback", ["not-spam", "auth-failure", "virus"])
def test_feedback_that_is_no_complaint_pauses_nothing(
    api: Api, desk: Desk, pump: Pumps, message_id: str, feedback: str
) -> None:
    receive(pump, in_envelope(complaint(message_id, feedback=feedback)))
    assert state_of(api, desk.alice_key) == ("active", None)
    assert_all_done()


def test_reports_on_messages_that_this_desk_did_not_send_pause_nothing(
    api: Api, desk: Desk, pump: Pumps, message_id: str
) -> None:
    unsent = MailName(MailKind.DELIVERY, str(uuid4()), str(uuid4())).local_part
    untested = MailName(MailKind.TEST, desk.user_id("alice"), str(uuid4())).local_part
    without_headers = bounce(message_id, member=NOTIFICATION)
    del without_headers["mail"]["commonHeaders"]
    receive(
        pump,
        in_envelope(bounce(message_id, ses_id=OTHER_ID)),  # somebody else's, under the name of ours
        in_envelope(bounce(f"<{unsent}@example.com>")),
        in_envelope(bounce(f"<{untested}@example.com>")),
        in_envelope(bounce(f"<{SES_ID}@email.amazonses.com>")),
        in_envelope(without_headers),
    )
    assert state_of(api, desk.alice_key) == ("active", None)
    assert_all_done()


def test_a_report_on_a_message_of_a_mail_server_pauses_nothing(
    api: Api, desk: Desk, pump: Pumps, server: MailServer
) -> None:
    send(desk, pump, publish(api, desk))
    receive(pump, in_envelope(bounce(str(server.received[-1].message["Message-ID"]))))
    assert state_of(api, desk.alice_key) == ("active", None)
    assert_all_done()


def test_a_report_about_another_address_than_the_recipients_pauses_nobodys(
    api: Api, desk: Desk, pump: Pumps, message_id: str
) -> None:
    bob = "bob@example.com"
    receive(pump, in_envelope(bounce(message_id, recipient=bob)), in_envelope(complaint(message_id, recipient=bob)))
    assert state_of(api, desk.alice_key) == ("active", None)
    assert state_of(api, desk.bob_key) == ("active", None)
    assert_all_done()


def test_the_address_may_be_in_angle_brackets_and_in_capitals(
    api: Api, desk: Desk, pump: Pumps, message_id: str
) -> None:
    receive(pump, in_envelope(bounce(message_id, recipient="Alice <ALICE@Example.com>")))
    assert state_of(api, desk.alice_key) == ("paused", "bounce")


def test_a_report_that_comes_again_changes_nothing_and_in_any_order_a_complaint_stays(
    api: Api, desk: Desk, pump: Pumps, message_id: str
) -> None:
    receive(pump, in_envelope(bounce(message_id)))
    first = api.get(MAIL, desk.alice_key).json
    receive(pump, in_envelope(bounce(message_id)), as_it_is(bounce(message_id)))
    assert api.get(MAIL, desk.alice_key).json == first
    receive(pump, in_envelope(complaint(message_id)), in_envelope(bounce(message_id)))
    assert state_of(api, desk.alice_key) == ("paused", "complaint")
    assert_all_done()


def test_a_report_from_before_a_test_message_that_was_taken_changes_nothing(
    api: Api, desk: Desk, pump: Pumps, server: MailServer, message_id: str
) -> None:
    receive(pump, in_envelope(bounce(message_id)))
    ask_for_test(api, desk, pump)
    receive(pump, in_envelope(bounce(message_id)))
    assert state_of(api, desk.alice_key) == ("active", None)
    change_mail(desk, provider_id=OTHER_ID)
    test_id = str(server.received[-1].message["Message-ID"])
    receive(pump, in_envelope(bounce(test_id, ses_id=OTHER_ID)))
    assert state_of(api, desk.alice_key) == ("paused", "bounce")
    assert_all_done()


def change_mail(desk: Desk, *, provider_id: str) -> None:
    aws.dynamodb().update_item(
        TableName=DIRECTORY.physical_name,
        Key=to_item({"pk": f"USER#{desk.user_id('alice')}", "sk": "MAIL"}),
        UpdateExpression="SET providerId = :id",
        ExpressionAttributeValues=to_item({":id": provider_id}),
    )


def test_who_has_turned_e_mail_off_stays_off(api: Api, desk: Desk, pump: Pumps, message_id: str) -> None:
    api.call("PUT", MAIL, body={"enabled": False}, token=desk.alice_key)
    receive(pump, in_envelope(complaint(message_id)))
    assert state_of(api, desk.alice_key) == ("off", None)
    assert_all_done()


def test_a_report_that_comes_before_the_id_of_its_message_is_stored_comes_again(
    api: Api, desk: Desk, pump: Pumps, server: MailServer
) -> None:
    send(desk, pump, publish(api, desk))
    message_id = str(server.received[-1].message["Message-ID"])
    later = timestamp(datetime.now(UTC) + timedelta(hours=1))
    change_sent(message_id, state=SentState.SENDING.value, leaseUntil=later)
    receive(pump, in_envelope(bounce(message_id)))
    assert (count_messages(MAIL_REPORTS), state_of(api, desk.alice_key)) == (1, ("active", None))


def test_a_report_on_an_attempt_that_was_lost_is_not_waited_for(
    api: Api, desk: Desk, pump: Pumps, server: MailServer
) -> None:
    send(desk, pump, publish(api, desk))
    message_id = str(server.received[-1].message["Message-ID"])
    change_sent(message_id, state=SentState.SENDING.value, leaseUntil="2026-01-01T00:00:00.000Z")
    receive(pump, in_envelope(bounce(message_id)))
    assert state_of(api, desk.alice_key) == ("active", None)
    assert_all_done()


def test_everything_else_that_a_topic_sends_ends_without_an_error(pump: Pumps, desk: Desk) -> None:
    receive(
        pump,
        in_envelope("A sentence with which a topic is tried out."),
        in_envelope({NOTIFICATION: "AmazonSnsSubscriptionSucceeded", "message": "It works."}),
        in_envelope({EVENT: "Delivery", "mail": {"messageId": SES_ID}, "delivery": {}}),
        as_it_is({EVENT: "DeliveryDelay", "mail": "x"}),
        as_it_is({"Type": "SubscriptionConfirmation", "SubscribeURL": "https://sns.example.com/", "Message": "Visit"}),
        as_it_is({}),
    )
    assert_all_done()


MALFORMED = {
    "no JSON": "It came back.",
    "a list": "[]",
    "no object in the envelope": json.dumps({"Type": "Notification", "Message": '{"eventType": "Bounce"'}),
    "no message": as_it_is({EVENT: "Bounce", "bounce": {"bounceType": "Permanent", "bouncedRecipients": []}}),
    "no id": as_it_is({**bounce("<x@example.com>"), "mail": {}}),
    "no bounce": in_envelope({NOTIFICATION: "Bounce", "mail": {"messageId": SES_ID}}),
    "no list": in_envelope(
        {**bounce("<x@example.com>"), "bounce": {"bounceType": "Permanent", "bouncedRecipients": 1}}
    ),
    "no address": in_envelope({**complaint("<x@example.com>"), "complaint": {"complainedRecipients": [{}]}}),
}


@pytest.mark.usefixtures("_retry_immediately")
@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_what_is_malformed_becomes_a_dead_letter(pump: Pumps, desk: Desk, body: str) -> None:
    receive(pump, body)
    assert (count_messages(MAIL_REPORTS), count_messages(MAIL_REPORTS.dead_letters)) == (0, 1)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)
_MEMBERS = ("mail", "bounce", "complaint", "Type", "Message", NOTIFICATION, EVENT)


@given(st.dictionaries(st.sampled_from(_MEMBERS), _JSON), st.sampled_from(["Bounce", "Complaint"]))
def test_whatever_is_published_is_read_or_refused(body: dict[str, Any], kind: str) -> None:
    for published in (body, {**body, EVENT: kind}, json.loads(in_envelope({**body, NOTIFICATION: kind}))):
        with suppress(Invalid):
            read_ses_reports(published)
