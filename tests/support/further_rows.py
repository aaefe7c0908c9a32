"""More rows of `tests/data/stored_rows.json`: a company's directory, providers, erasures, deliveries and their kin."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine

from chalicelib.catalog.domain.declared_types import DeclaredType, StoredTypes
from chalicelib.catalog.stores.declared_types import DynamoDeclaredTypes, is_for_inbox
from chalicelib.core.domain.callers import TokenStatus
from chalicelib.core.domain.push_results import PushResult
from chalicelib.core.domain.severity import Severity
from chalicelib.core.stores.writes import commit
from chalicelib.federation.connections.stores.known_desks import DynamoKnownDesks
from chalicelib.federation.relays.domain.relays import Relay
from chalicelib.federation.relays.stores.relay_rows import add_peer_id_action
from chalicelib.federation.relays.stores.relays import DynamoRelays
from chalicelib.feedback.domain.feedback import Author, AuthorKind, Feedback, FeedbackKind
from chalicelib.feedback.stores.feedback import DynamoFeedback
from chalicelib.ids import MintedToken, PathSecret, SignInSecret, TokenKind
from chalicelib.inbox.domain.bulk_changes import BulkAction, BulkChange, BulkStatus, Counts
from chalicelib.inbox.domain.deliveries import Delivery, Supplement
from chalicelib.inbox.domain.event_types import Tally
from chalicelib.inbox.domain.saved_views import SavedFilter, SavedView
from chalicelib.inbox.stores.accepted_calls import DynamoAcceptedCalls
from chalicelib.inbox.stores.bulk_changes import DynamoBulkChanges
from chalicelib.inbox.stores.deliveries import DynamoDeliveries
from chalicelib.inbox.stores.event_types import DynamoEventTypes
from chalicelib.inbox.stores.push_results import DynamoPushResults
from chalicelib.inbox.stores.saved_views import DynamoSavedViews
from chalicelib.inbox.stores.sends import DynamoSends
from chalicelib.inbox.stores.sent import DynamoSent
from chalicelib.inbox.stores.signing_secrets import DynamoSigningSecrets
from chalicelib.live.domain.push import PushKeys
from chalicelib.live.stores.push import DynamoPush
from chalicelib.live.stores.push_keys import DynamoPushKeys
from chalicelib.people.domain.directory import Person
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.personal_data.domain.erasures import Erasure, Receipt
from chalicelib.personal_data.domain.subjects import Subject
from chalicelib.personal_data.stores.erasures import DynamoErasures
from chalicelib.provisioning.domain.groups import Group, GroupMapping, RightsChange
from chalicelib.provisioning.domain.users import Details, MailAddress, User
from chalicelib.provisioning.stores.groups import DynamoGroups
from chalicelib.provisioning.stores.users import DynamoProvisionedUsers
from chalicelib.reach.domain.channels import Channel, ChannelKind, ChannelState, Target
from chalicelib.reach.domain.digests import Digest, DigestTimes, Every, Weekday
from chalicelib.reach.domain.holds import Hold
from chalicelib.reach.domain.mail import MailSettings, Security, Transport
from chalicelib.reach.domain.outcomes import Outcome, SendState, SkipReason
from chalicelib.reach.domain.personal_mail import MailState, PauseReason, PersonalMail
from chalicelib.reach.domain.preferences import PreferenceRule, Preferences, StoredPreferences, Way
from chalicelib.reach.domain.quiet_time import QuietTime
from chalicelib.reach.domain.sent_mails import SentMail, SentState
from chalicelib.reach.domain.waits import Waits
from chalicelib.reach.stores.channels import DynamoChannels
from chalicelib.reach.stores.digests import DynamoDigests
from chalicelib.reach.stores.mail_settings import DynamoMailSettings
from chalicelib.reach.stores.outcomes import DynamoOutcomes
from chalicelib.reach.stores.personal_mail import DynamoPersonalMail
from chalicelib.reach.stores.preferences import DynamoPreferences
from chalicelib.reach.stores.reached import DynamoReached
from chalicelib.reach.stores.sent_mails import DynamoSentMails
from chalicelib.tokens.domain.identity_providers import Discovery, Identity, Provider
from chalicelib.tokens.domain.ingest_tokens import IngestRule, IngestToken, Publisher
from chalicelib.tokens.domain.scim_tokens import IssuedScimToken
from chalicelib.tokens.stores.identity_providers import DynamoIdentityProviders
from chalicelib.tokens.stores.ingest_tokens import DynamoIngestTokens
from chalicelib.tokens.stores.scim_tokens import DynamoScimTokens
from chalicelib.tokens.stores.sessions import DynamoSessions

NOW = datetime(2026, 3, 4, 5, 6, 7, 89000, tzinfo=UTC)
AT, CHANGED = "2026-03-04T05:06:07.089Z", "2026-03-04T06:07:08.090Z"
ZOE, YAN = "0a1b2c3d-0000-4000-8000-0000000000a1", "0a1b2c3d-0000-4000-8000-0000000000a2"
FIRST, SECOND = "22222222-0000-4000-8000-000000000001", "22222222-0000-4000-8000-000000000002"
NO_CLAIM: dict[str, Any] = {"claim": None, "reply": {}}

DETAILS = Details(
    "ext-1", "Zoe Z.", "Z.", "Zoe", "Zoe of sales", (MailAddress("zoe@example.com", "work", primary=True),), AT,
    CHANGED, active_unsaid=True, revision=3
)  # fmt: skip
USER = User(ZOE, "zoe@example.com", active=True, details=DETAILS)
GROUP = Group(FIRST, "Desk Team", "ext-2", AT, CHANGED, 2, None, complete=False)
MAPPING = GroupMapping("Desk Team", frozenset(("apollo",)), operator=True)
PREFERENCES = Preferences(
    rules=[PreferenceRule(integrator="fd1", severity=Severity.INFO, ways=[Way.EMAIL])],
    timeZone="Europe/Berlin",
    quietHours=QuietTime(start="22:00", end="07:00"),
    pausedUntil=CHANGED,
    digest=DigestTimes(every=Every.WEEK, at="16:30", weekday=Weekday.FRIDAY),
    waits=Waits(chat=300),
    unreadOnRepeat=False,
)
HOLD = Hold(FIRST, ZOE, SECOND, CHANGED)
DIGEST = Digest(ZOE, CHANGED, frozenset((FIRST,)), 1_775_196_428)
VIEW = SavedView(name="Mine", filter=SavedFilter(q="deploy", days=7))
PROVIDER = Provider(
    "company", "Company", "https://id.example", "client", frozenset(("example.com",)), True, "desk", "roles", True
)  # fmt: skip
DISCOVERY = Discovery(
    "https://id.example/authorize", "https://id.example/token", True, "https://id.example/keys", None,
    {"keys": [{"kid": "1", "kty": "RSA"}]}, 1_772_600_000
)  # fmt: skip
IDENTITY = Identity("https://id.example", "subject-1", "zoe@example.com", "Zoe", frozenset())
ERASURE = Erasure(FIRST, Subject(YAN, "yan@example.com", "Yan", SECOND, ZOE), AT, CHANGED, counts={"cards": 2})
ERASED = Person("0a1b2c3d-0000-4000-8000-0000000000a3", "xia@example.com", "Xia")
RECEIPT = Receipt(SECOND, AT, CHANGED, 2, {"cards": 3})
DELIVERY = Delivery(
    FIRST, "fd1", SECOND, ZOE, ZOE, "fd1.a.b", "warn", "Title", AT, AT, tone="positive", summary="sum",
    external_status="resolved", content={"labels": {"repo": "x"}, "event_id": "e"}, ends_at=1_900_000_000
)  # fmt: skip
SUPPLEMENT = Supplement(SECOND, "More.", CHANGED)
JOB = BulkChange(
    FIRST, ZOE, BulkAction.ARCHIVE, AT, {"archived": True}, [FIRST, SECOND], status=BulkStatus.QUEUED,
    counts=Counts(1, 2, 3)
)  # fmt: skip
PUSHES = [PushResult("push.example", AT), PushResult("push.example", AT, "status 410")]
FEEDBACK = Feedback(
    "01J0000000000000000000000B", Author(AuthorKind.INTEGRATOR, "fd1"), FeedbackKind.BUG, "bad", None, AT
)
INGEST_TOKEN = IngestToken(
    SECOND, "json", "Checks", TokenKind.PERSONAL, FIRST, "fd1", AT, ZOE, mapping={"title": "check.name"}
)
CHANNEL = Channel(
    ZOE, FIRST, ChannelKind.WEBHOOK, "Team", "webhook", "hooks.example.com", AT, ChannelState.ACTIVE, AT, CHANGED
)
_BUILD = {"eventType": "fd1.build", "name": "Builds", "description": "What CI says.", "defaultWay": "inbox"}
_FAILED = {"eventType": "fd1.build.failed", "name": "Failed builds"}
DECLARED_TYPES = StoredTypes([DeclaredType.model_validate(each) for each in (_BUILD, _FAILED)], 1)
OUTCOME = Outcome(
    ZOE,
    FIRST,
    SECOND,
    SECOND,
    "webhook",
    "hooks.example.com",
    SendState.WAITING,
    1,
    AT,
    "lease",
    "answered 500",
    CHANGED,
    SkipReason.READ,
)
ROUTED_TOKEN = IngestToken(
    FIRST, "ntfy", "Cron", TokenKind.TOOLS, SECOND, "fd1", AT,
    rules=(IngestRule(when={"severity": "critical", "labels.team": "pay*"}, to=[ZOE, "group:apollo"]),),
)  # fmt: skip
SCIM_TOKEN = IssuedScimToken(FIRST, "Entra", TokenStatus.ACTIVE, AT, 0)

PAUSED_MAIL = PersonalMail(
    MailState.PAUSED, AT, PauseReason.BOUNCE, "zoe@example.com", FIRST, AT, "deferred 451", "0100"
)
SENT_MAIL = SentMail(
    ZOE,
    DELIVERY.delivery_id,
    FIRST,
    SentState.WAITING,
    1,
    "attempt",
    AT,
    "mail.example.com:587",
    "deferred 451",
    None,
    AT,
    "0100",
)


def write(relay: Relay) -> None:
    """Write a row of each kind through the store that writes it."""
    _write_people()
    _write_deliveries()
    DynamoFeedback().add(FEEDBACK, **NO_CLAIM)
    assert DynamoDeclaredTypes().save("fd1", DECLARED_TYPES, seen=0)
    mail = MailSettings(
        Transport.SMTP, "Fluxden <desk@example.com>", "mail.example.com", 587, Security.STARTTLS, "desk"
    )
    DynamoMailSettings().save(mail, "a password")
    DynamoPersonalMail().begin_test(ZOE, FIRST, now=NOW)
    DynamoPersonalMail().end_test(ZOE, FIRST, failure="deferred 451", provider_id="0100", now=NOW)
    assert DynamoPersonalMail().pause(ZOE, "zoe@example.com", PauseReason.BOUNCE, now=NOW)
    DynamoPushKeys().save(PushKeys("pem", "public", "mailto:ops@example.com"), replace=False)
    DynamoKnownDesks().note("https://other.example.org", now=NOW)
    commit([add_peer_id_action(replace(relay, peer_relay_id="theirs"))])


def _write_people() -> None:
    groups, providers, people = DynamoGroups(), DynamoIdentityProviders(), DynamoDirectory()
    DynamoProvisionedUsers().add(USER)
    groups.add(GROUP)
    groups.save_mapping(MAPPING)
    assert groups.change_member(FIRST, ZOE, is_member=True, rights=RightsChange(), teams={})
    DynamoSavedViews().save(ZOE, [VIEW], seen=0, **NO_CLAIM)
    DynamoPreferences().save(ZOE, PREFERENCES, seen=0, **NO_CLAIM)
    DynamoReached().hold(DELIVERY, HOLD)
    assert DynamoDigests().add(ZOE, CHANGED, FIRST)
    providers.save_provider(PROVIDER, "client secret")
    providers.save_discovery("company", DISCOVERY)
    assert providers.link_subject(IDENTITY, ZOE)
    ingest_secret = MintedToken(PathSecret.INGEST, "text", "78" * 32, "78" * 32)
    DynamoIngestTokens().add(INGEST_TOKEN, ingest_secret, claim=None, reply={})
    routed_secret = MintedToken(PathSecret.INGEST, "text", "79" * 32, "79" * 32)
    DynamoIngestTokens().add(ROUTED_TOKEN, routed_secret, claim=None, reply={})
    DynamoScimTokens().add(MintedToken(TokenKind.SCIM, "text", FIRST, "scim-hash"), "Entra", now=NOW)
    assert DynamoSessions().add_code(MintedToken(SignInSecret.CODE, "text", "34" * 32, "code-hash"), ZOE, now=NOW)
    target = Target("https://hooks.example.com/notices", "whsec_c2VjcmV0")
    DynamoChannels().add(replace(CHANNEL, state=ChannelState.UNTESTED), target, **NO_CLAIM)
    assert DynamoChannels().save(CHANNEL, over=replace(CHANNEL, state=ChannelState.UNTESTED))
    people.add_person(Person(YAN, "yan@example.com", "Yan"))
    people.set_active(YAN, active=False)
    erasures = DynamoErasures()
    erasures.begin(ERASURE)
    people.add_person(ERASED)
    people.set_active(ERASED.user_id, active=False)
    ended = replace(ERASURE, erasure_id=SECOND, subject=Subject(ERASED.user_id, ERASED.email, ERASED.name, FIRST))
    erasures.begin(ended)
    erasures.finish(ended, RECEIPT)


def _write_deliveries() -> None:
    sends, types = DynamoSends(returns_read=lambda _: False), DynamoEventTypes()
    DynamoSigningSecrets().rotate("fd1", now=NOW)
    assert sends.record_bulk(DELIVERY, fire="a-fire", now=NOW).is_new
    assert not sends.record_bulk(DELIVERY, fire="another", now=NOW).is_new
    DynamoSent().add_labels([DELIVERY])
    assert DynamoDeliveries().add_supplement(DELIVERY, SUPPLEMENT, **NO_CLAIM)
    DynamoPushResults().add(FIRST, PUSHES)
    assert DynamoAcceptedCalls().mark_seen([FIRST], fire="a-fire", now=NOW) == set()
    assert DynamoOutcomes().begin(OUTCOME, DELIVERY, now=NOW) is None
    assert DynamoOutcomes().record(OUTCOME, DELIVERY)
    assert DynamoSentMails().begin(SENT_MAIL, DELIVERY, over=None, now=NOW)
    DynamoBulkChanges().add(JOB, claim=None, reply={}, now=NOW)
    types.count_hours("fd1", now=NOW + timedelta(hours=3), most=9)
    types.replace_day(
        "fd1", "2026-03-03", "fd1.a.b", Tally(5, "2026-03-03T01:02:03.004Z"), counted_until="2026-03-04T00"
    )


def check(relay: Relay) -> None:
    """Read the rows, and compare them with what was written."""
    groups, providers, erasures = DynamoGroups(), DynamoIdentityProviders(), DynamoErasures()
    users = DynamoProvisionedUsers()
    assert DynamoDeclaredTypes().find("fd1") == DECLARED_TYPES
    assert is_for_inbox("fd1", "fd1.build.passed")
    assert not is_for_inbox("fd1", "fd1.build.failed")
    assert users.find(ZOE) == USER
    assert users.list_ids_by_external_id("ext-1") == [ZOE]
    assert groups.find(FIRST, with_members=True) == replace(GROUP, members=frozenset((ZOE,)))
    assert groups.find_id_by_name(GROUP.key) == FIRST
    assert groups.list_mappings() == {MAPPING.key: MAPPING}
    holdings = groups.find_holdings(ZOE)
    assert holdings is not None
    assert holdings.groups == {FIRST}
    assert DynamoSavedViews().find(ZOE) == ([VIEW], 1)
    assert DynamoPreferences().find(ZOE) == StoredPreferences(PREFERENCES, 1)
    assert DynamoReached().find(FIRST, ZOE)[1] == HOLD
    assert DynamoDigests().close(ZOE, DIGEST.digest_id, now=NOW) == DIGEST
    assert providers.list_providers() == [PROVIDER]
    assert DynamoPersonalMail().find(ZOE) == PAUSED_MAIL
    assert DynamoSentMails().find(DELIVERY.delivery_id, FIRST) == SENT_MAIL
    assert providers.find_discovery("company") == DISCOVERY
    assert providers.find_subject(IDENTITY) == ZOE
    assert erasures.list_running() == [ERASURE]
    assert erasures.find_receipt(SECOND) == RECEIPT
    assert DynamoIngestTokens().list_for(Publisher(TokenKind.TOOLS, SECOND, "fd1")) == [ROUTED_TOKEN]
    assert DynamoIngestTokens().list_for(Publisher(TokenKind.PERSONAL, FIRST, "fd1", ZOE)) == [INGEST_TOKEN]
    assert DynamoScimTokens().list_all() == [SCIM_TOKEN]
    assert DynamoChannels().list_of(ZOE) == [CHANNEL]
    assert DynamoPush().find_public_key() == "public"
    assert DynamoRelays().find_references(relay.connection_id, ["theirs"])["theirs"].relay_id == relay.relay_id
    with time_machine.travel(NOW):
        _check_deliveries()


def _check_deliveries() -> None:
    detail = DynamoDeliveries().find(FIRST)
    assert detail is not None
    counted = replace(DELIVERY, fire_count=2, supplement_count=1, sent_in_bulk=True)
    stored = replace(counted, listed_at=AT, sent_at=AT, fired_at=AT)
    assert detail.delivery == stored
    assert (detail.supplements, detail.pushes) == ([SUPPLEMENT], PUSHES)
    assert DynamoOutcomes().begin(OUTCOME, DELIVERY, now=NOW) == OUTCOME
    assert DynamoBulkChanges().find(FIRST, with_ids=True) == JOB
    assert DynamoAcceptedCalls().mark_seen([FIRST], fire="another", now=NOW) == {FIRST}
    assert not DynamoSends(returns_read=lambda _: False).record_bulk(DELIVERY, fire="another", now=NOW).is_new
    rows = {each.event_type: each.count for each in DynamoEventTypes().list_types("fd1", now=NOW)}
    assert rows == {"fd1.a.b": 6}
    assert DynamoKnownDesks().find_last_seen(["https://other.example.org"]) is not None
