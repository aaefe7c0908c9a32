"""Members of an event: what they may be, and how they read back."""

import json
from dataclasses import fields

import pytest
from pydantic.alias_generators import to_camel

from chalicelib.inbox.domain.deliveries import Delivery, event_fields
from chalicelib.inbox.domain.events import InboundEvent
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api

EVENTS = "/api/v1/events"
TAGS = ["zh", "zh-Hans-CN", "de-CH-1996", "sl-rozaj-biske", "en-u-ca-gregory", "x-own", "i-klingon"]
MALFORMED_TAGS = ["", "zh_CN", "中文", "en-", "-en", "en--US", "a", "x-" + "a-" * 16 + "aa"]


@pytest.mark.parametrize("locale", TAGS)
def test_a_locale_is_a_language_tag(api: Api, desk: Desk, locale: str) -> None:
    assert api.post(EVENTS, inputs.new_event(locale=locale), desk.alice).json["locale"] == locale


@pytest.mark.parametrize("locale", MALFORMED_TAGS)
def test_another_locale_is_refused(api: Api, desk: Desk, locale: str) -> None:
    reply = api.post(EVENTS, inputs.new_event(locale=locale), desk.alice)
    assert (reply.status, list(reply.json["fieldErrors"])) == (400, ["locale"])


def test_a_label_has_a_key_of_at_most_80_characters(api: Api, desk: Desk) -> None:
    assert api.post(EVENTS, inputs.new_event(labels={"k" * 80: "v"}), desk.alice).status < 300
    assert api.post(EVENTS, inputs.new_event(labels={"k" * 81: "v"}), desk.alice).status == 400


def test_a_scheme_may_be_in_capitals(api: Api, desk: Desk) -> None:
    event = inputs.new_event(external_url="HTTPS://git.example.com/a")
    assert api.post(EVENTS, event, desk.alice).json["externalUrl"] == "HTTPS://git.example.com/a"


def test_a_body_without_rendering_is_collapsed(api: Api, desk: Desk) -> None:
    with_body = api.post(EVENTS, inputs.new_event(markdown_body="x"), desk.alice).json
    assert with_body["markdownBodyRendering"] == "collapsed"
    assert "markdownBodyRendering" not in api.post(EVENTS, inputs.new_event(), desk.alice).json


EVERY_FIELD = inputs.new_event(
    event_type="fd1.build.failed",
    severity="warn",
    tone="negative",
    summary="Two tests failed.",
    markdown_body="`make test`",
    markdown_body_rendering="preview",
    external_url="https://ci.example.com/812",
    external_status="firing",
    actor={"email": "bob@example.com", "name": "Bob"},
    labels={"branch": "main"},
    actions=[{"label": "Open", "action_type": "url", "url": "https://ci.example.com/812"}],
    recipient_hint={"email": "bob@example.com"},
    project_slug="apollo",
    locale="en-GB",
)


def test_a_delivery_has_every_field_of_its_event() -> None:
    assert EVERY_FIELD.keys() == InboundEvent.model_fields.keys()
    event = InboundEvent.model_validate_json(json.dumps(EVERY_FIELD))
    taken = event_fields(event)
    content = taken.pop("content")
    own = {each.name for each in fields(Delivery)}
    assert taken.keys() == EVERY_FIELD.keys() & own
    assert content.keys() == EVERY_FIELD.keys() - own - {"spec_version"}
    assert all(value is not None for value in (*taken.values(), *content.values()))


def test_every_field_of_an_event_reads_back(api: Api, desk: Desk) -> None:
    sent = EVERY_FIELD | {"event_id": "every-field", "occurred_at": inputs.ago()}
    delivery = api.post(EVENTS, sent, desk.alice).json["deliveryId"]
    read = api.get(f"{EVENTS}/{delivery}", desk.alice).json
    for name in EVERY_FIELD.keys() - {"spec_version", "actions", "occurred_at", "event_id"}:
        assert read[to_camel(name)] == EVERY_FIELD[name], name
    assert read["actions"][0]["url"] == EVERY_FIELD["actions"][0]["url"]
