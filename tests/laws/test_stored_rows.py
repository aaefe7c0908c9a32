"""Rows of every store, compared with those that desks have stored before: `tests/data/stored_rows.json`.

The file holds rows as the stores have written them, by store. Stores must still write the same rows, and read
these. A change of what is stored belongs in this file, with a migration or a default for rows without it.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine

from chalicelib.agents.domain.agents import Agent, AgentStatus, CommandIn
from chalicelib.agents.stores.agents import DynamoAgents
from chalicelib.aws import dynamodb
from chalicelib.board.domain.board import Assignee, Card, CardPriority, CardStatus, ChecklistItem, Tail
from chalicelib.board.domain.card_contacts import CardBrief, CardContact, ContactBrief, Involvement, RemoteMark
from chalicelib.board.domain.contacts import Contact
from chalicelib.board.domain.positions import Placement
from chalicelib.board.stores.board import DynamoBoard
from chalicelib.board.stores.contacts import DynamoContacts
from chalicelib.catalog.domain.approvals import Approval, ApprovalStatus
from chalicelib.catalog.domain.catalog import AssetType, CatalogItem, ItemEntry
from chalicelib.catalog.stores.approvals import DynamoApprovals
from chalicelib.catalog.stores.catalog import DynamoCatalog
from chalicelib.chat.domain.chat import Message, Role
from chalicelib.chat.stores.chat import DynamoChat
from chalicelib.core.domain.audit import Actor, ActorKind, AuditEntry, Credential, Subject, with_refs
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.callers import TokenStatus
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.retries import GRACE
from chalicelib.core.domain.severity import Severity
from chalicelib.core.stores.audit_log import AuditFilter, list_entries
from chalicelib.core.stores.audit_trail import to_row as audit_to_row
from chalicelib.core.stores.writes import commit, write_all
from chalicelib.federation.connections.domain.connection_notices import ConnectionNotice, ConnectionNoticeKind
from chalicelib.federation.connections.domain.connections import Connection as PeerConnection
from chalicelib.federation.connections.domain.connections import ConnectionStatus, Initiator, PeerKey
from chalicelib.federation.connections.domain.federation_settings import FederationMode, FederationSettings
from chalicelib.federation.connections.stores.connection_notices import DynamoConnectionNotices
from chalicelib.federation.connections.stores.connection_rows import token_hash
from chalicelib.federation.connections.stores.connections import DynamoConnections as DynamoPeerConnections
from chalicelib.federation.connections.stores.federation_settings import DynamoFederation
from chalicelib.federation.network.domain.instance_notices import InstanceNotice, InstanceNoticeKind
from chalicelib.federation.network.domain.instances import Instance, InstanceStatus, hash_of
from chalicelib.federation.network.domain.marketplace import Listing, ListingStatus
from chalicelib.federation.network.domain.membership import (
    HeartbeatOutcome,
    Membership,
    MembershipStatus,
    RegistrationAnswer,
)
from chalicelib.federation.network.stores.hubs import DynamoHubs
from chalicelib.federation.network.stores.instance_notices import DynamoInstanceNotices
from chalicelib.federation.network.stores.instances import DynamoInstances
from chalicelib.federation.network.stores.marketplace import DynamoMarketplace
from chalicelib.federation.network.stores.registrations import DynamoRegistrations
from chalicelib.federation.relays.domain.outbox import Outbox, Sending
from chalicelib.federation.relays.domain.relays import (
    Direction,
    Relay,
    RelayIntent,
    RelayPriority,
    RelayStatus,
    RelayType,
    Scope,
)
from chalicelib.federation.relays.stores.outbox import DynamoOutbox
from chalicelib.federation.relays.stores.outgoing import DynamoOutgoing
from chalicelib.feedback.domain.feedback import Author, AuthorKind, Feedback, FeedbackKind
from chalicelib.feedback.stores.feedback import DynamoFeedback
from chalicelib.ids import MintedToken, PresentedToken, SignInSecret, TokenKind
from chalicelib.inbox.domain.bulk import AcceptedCall
from chalicelib.inbox.domain.clicks import Click
from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.inbox.domain.endpoints import Endpoint, PausedBy
from chalicelib.inbox.domain.replays import Replay, ReplayKind, ReplayPosition
from chalicelib.inbox.domain.snoozes import Snooze
from chalicelib.inbox.stores.accepted_calls import DynamoAcceptedCalls
from chalicelib.inbox.stores.clicks import DynamoClicks
from chalicelib.inbox.stores.endpoints import DynamoEndpoints
from chalicelib.inbox.stores.replays import DynamoReplays
from chalicelib.inbox.stores.snoozes import DynamoSnoozes, snooze_actions
from chalicelib.live.domain.frames import FrameType, LiveEvent, LogEntry, LogState
from chalicelib.live.domain.push import BrowserKeys, Subscription
from chalicelib.live.domain.sockets import Socket
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.push import DynamoPush
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.people.domain.directory import Integrator, Person, Project, Team, TeamVisibility
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.people.stores.profiles import DynamoProfiles
from chalicelib.people.stores.teams import DynamoTeams
from chalicelib.resources import (
    AUDIT,
    BOARD,
    CATALOG,
    CHAT,
    CONTACTS,
    DELIVERIES,
    DIRECTORY,
    EVENT_TYPES,
    NETWORK,
    OUTBOX,
    PEERS,
    QUEUE_ITEMS,
    RELAYS,
    SOCKETS,
    TOKENS,
    Table,
)
from chalicelib.resources import (
    FEEDBACK as FEEDBACK_TABLE,
)
from chalicelib.tasks.domain.delegations import Delegation
from chalicelib.tasks.domain.proposals import Author as Speaker
from chalicelib.tasks.domain.proposals import Comment, Outcome, Verdict
from chalicelib.tasks.domain.queue import Change, Claimant, Item, ItemStatus, ItemType, Priority, Proposer
from chalicelib.tasks.domain.standing_approvals import StandingApproval
from chalicelib.tasks.stores.delegations import DynamoDelegations
from chalicelib.tasks.stores.queue import DynamoQueue
from chalicelib.tasks.stores.standing_approvals import DynamoStandingApprovals
from chalicelib.tokens.domain.passkeys import Challenge, Passkey
from chalicelib.tokens.domain.sessions import SessionState
from chalicelib.tokens.domain.tokens import IssuedToken, KeyGrant, PersonalGrant, ToolsGrant, Usage
from chalicelib.tokens.stores.grants import DynamoGrants
from chalicelib.tokens.stores.passkeys import DynamoPasskeys
from chalicelib.tokens.stores.sessions import DynamoSessions
from chalicelib.tokens.stores.tokens import DynamoTokens
from tests.support import further_rows

_FILE = Path(__file__).parents[1] / "data" / "stored_rows.json"
# Sealed values and marks differ from run to run.
_RANDOM = frozenset(
    (
        "sealedKey",
        "sealedToken",
        "token",
        "nonce",
        "savedBy",
        "current",
        "prior",
        "clientSecret",
        "privateKey",
        "sealedAuth",
        "sealedTarget",
        "sealedSecret",
        "password",
    )
)

NOW = datetime(2026, 3, 4, 5, 6, 7, 89000, tzinfo=UTC)
LATER = datetime(2026, 3, 5, tzinfo=UTC)
AT, CHANGED = "2026-03-04T05:06:07.089Z", "2026-03-04T06:07:08.090Z"
ALICE, BOB = "0a1b2c3d-0000-4000-8000-00000000000a", "0a1b2c3d-0000-4000-8000-00000000000b"
ID, OTHER = "11111111-0000-4000-8000-000000000001", "11111111-0000-4000-8000-000000000002"
THIRD, FOURTH = "11111111-0000-4000-8000-000000000003", "11111111-0000-4000-8000-000000000004"
URL = "https://other.example.org"
NO_CLAIM: dict[str, Any] = {"claim": None, "reply": {}}

PERSON = Person(ALICE, "alice@example.com", "Alice", org_admin=True)
INTEGRATOR = Integrator(
    ID, "fd1", "Frontdesk", "fd1.", AT, "https://fd1.example", "about it", relaxed_event_types=False
)
BARE_INTEGRATOR = Integrator(OTHER, "fd2", "Other", "fd2.", AT)
TEAM = Team("team-1", "Team", "what it does", "work", TeamVisibility.PUBLIC)
PROJECT = Project(ID, "apollo", "Apollo", "team-1", frozenset((ALICE, BOB)), frozenset((ALICE,)))
KEY = KeyGrant(ID, ALICE, "laptop", "dvd_abc", frozenset(("queue", "board")), LATER)
TOOLS = ToolsGrant(ID, "fd1", "fd1.", ALICE, admin=True, daily_limit=7)
PERSONAL = PersonalGrant(ID, "fd1", "fd1.", ALICE, OTHER, BOB, 5, Severity.WARN, moderated=True, label="mine")
BARE_PERSONAL = PersonalGrant(OTHER, "fd1", "fd1.", ALICE, OTHER, BOB)
ITEM = CatalogItem(
    item_id=ID,
    slug="printer",
    name="Printer",
    type=AssetType.OTHER,
    description="prints",
    category="llm-backend",
    url="https://printer.example",
    application_guide="ask",
    use_cases=[{"a": 1.5}, "b"],
    is_pinned=True,
    approval_required=False,
    display_order=10**40,
    contact_user_id=ALICE,
    linked_tools_token_id=ID,
    integrator="fd1",
    integrators=("fd1", "fd2"),
    created_at=AT,
    updated_at=CHANGED,
)
APPROVAL = Approval(
    "printer", ALICE, "alice@example.com", ApprovalStatus.APPROVED, AT, CHANGED, "bob@example.com", "please", "yes", 3
)
SOCKET = Socket(
    "c1",
    ALICE,
    ID,
    "ab" * 32,
    frozenset(("queue", "board")),
    1,
    2_000_000_000,
    3,
    4,
    live=True,
    by_browser=False,
    agent_name="Scout",
)
SUBSCRIPTION = Subscription(ALICE, "https://push.example/1", AT, BrowserKeys("B" + "A" * 86, "A" * 22))
MESSAGE = Message("01J0000000000000000000000A", ALICE, Role.ASSISTANT, "hello", "helper", '{"a":1}', AT)
LINK = CardContact(ID, ID, OTHER, "buyer", Involvement.RELATED, can_delegate=True, created_at=AT)
CARD = Card(
    card_id=ID,
    user_id=ALICE,
    title="Card",
    description="about",
    status=CardStatus.ACTIVE,
    priority=CardPriority.HIGH,
    assignee=Assignee.HUMAN,
    due_date="2026-04-01",
    order=3,
    created_at=AT,
    updated_at=CHANGED,
    project_id="p",
    origin_card_id="o",
    origin_user_id=BOB,
    source_relay_id="r",
    checklist=(ChecklistItem(ID, "first", completed=True, order=1, created_at=AT, updated_at=CHANGED),),
    contacts={OTHER: LINK},
    version=4,
)
BARE_CARD = Card(OTHER, ALICE, "Bare", None, CardStatus.LEADS, CardPriority.LOW, Assignee.AGENT, None, 4, AT, AT)
RANKED_CARD = replace(BARE_CARD, card_id=THIRD, rank=f"P#{THIRD}")
CONTACT = Contact(
    OTHER, ALICE, "Ann", "ann@example.com", "+1", "ACME", "boss", "notes", "a,b", "import", "{}", AT, CHANGED, "i1",
    {ID: LINK}, 2
)  # fmt: skip
QUEUE_ITEM = Item(
    ID, ALICE, ItemType.TASK, "Task", "about", Priority.HIGH, ItemStatus.READY, "cli", '{"a":1}', AT, CHANGED,
    "p", "t", "d", 2
)  # fmt: skip
CLAIMED_ITEM = replace(
    QUEUE_ITEM, item_id=OTHER, status=ItemStatus.IN_PROGRESS, claimant=Claimant(ID, "helper", CHANGED), changes=0
)
PROPOSAL_ITEM = replace(
    QUEUE_ITEM,
    item_id=FOURTH,
    status=ItemStatus.PENDING_CONFIRMATION,
    expires_at=CHANGED,
    verdict=Verdict(Outcome.APPROVED, CHANGED, "fine", ("amount",), THIRD, BOB, "Bob"),
    comments=(Comment(Speaker.AGENT, "helper", "Now?", CHANGED, ID),),
    proposer=Proposer(ID, "helper"),
    changes=0,
)
STANDING_APPROVAL = StandingApproval(
    ID, ALICE, "send", OTHER, "helper", AT, "2033-05-18T03:33:20.000Z", 5, '{"to": "me"}', '{"amount": 7}', ("to",)
)
DELEGATION = Delegation(ID, ALICE, BOB, AT, "2033-05-18T03:33:20.000Z")
PROPOSED_ITEM = replace(QUEUE_ITEM, item_id=THIRD, integrator="fd1", source="fd1", changes=0)
AGENT = Agent(
    ID, "helper", "Helper", "helps", "general", [CommandIn(name="do", description="does", usage="do it")],
    AgentStatus.ACTIVE
)  # fmt: skip
BROWSER = "34" * 32
SESSION = SessionState(ID, ALICE, "Test browser", "192.0.2.1", AT, 1_800_000_000, 1_790_000_000)
PASSKEY = Passkey(
    "56" * 32, ALICE, b"credential", b"public key", 3, "Laptop", ("hybrid", "usb"), backed_up=True, created_at=AT
)
FEEDBACK = Feedback("01J0000000000000000000000A", Author(AuthorKind.PERSON, ALICE), FeedbackKind.BUG, "bad", "it", AT)
PEER_CONNECTION = PeerConnection(
    connection_id=ID,
    user_id=ALICE,
    user_email="alice@example.com",
    user_name="Alice",
    peer_url=URL,
    peer_email="zoe@example.org",
    asked_as="zoe@example.org",
    peer_name="Zoe",
    peer_instance_name="Other",
    peer_connection_id="their",
    token_hash=token_hash("secret"),
    status=ConnectionStatus.PENDING,
    initiator=Initiator.US,
    hmac_enabled=True,
    peer_key=PeerKey("k1", "public"),
    created_at=AT,
    updated_at=CHANGED,
    nickname="z",
    peer_nickname="a",
    reason="why",
    contact_id=OTHER,
    version=5,
)
PEER_NOTICE = ConnectionNotice(ID, "n1", ConnectionNoticeKind.ACCEPTED, {"a": "ü"}, AT, next_attempt_at=AT, attempts=[])
INSTANCE = Instance(
    ID, "Inst", "https://inst.example", InstanceStatus.ACTIVE, "kh", "th", AT, "1.2", 3, 4, "caps", "ok",
    marketplace_enabled=True, discovery_enabled=True, updates_enabled=True, last_seen_at=AT, last_sync_at=CHANGED
)  # fmt: skip
LISTING = Listing(
    ID, OTHER, "remote", "helper", ListingStatus.ACTIVE, "1.0.0",
    {"name": "Helper", "description": "helps", "category": "general", "price": 1.5}, ({"version": "1.0.0"},),
    AT, CHANGED, "rev", CHANGED, "fine"
)  # fmt: skip
NOTICE = InstanceNotice(
    "n2", OTHER, InstanceNoticeKind.AGENT_APPROVAL, "active", "remote", '{"a":1}', AT, next_attempt_at=AT, attempts=[]
)
RELAY = Relay(
    relay_id=ID,
    connection_id=OTHER,
    user_id=ALICE,
    direction=Direction.OUTBOUND,
    type=RelayType.REQUEST,
    intent=RelayIntent.CUSTOM,
    subject="subject",
    payload="{}",
    priority=RelayPriority.NORMAL,
    status=RelayStatus.PENDING,
    thread_id="t",
    peer_url=URL,
    peer_email="zoe@example.org",
    peer_relay_id="theirs",
    created_at=AT,
    updated_at=CHANGED,
    parent_relay_id="parent",
    due_date="2026-04-01",
    scope=Scope("team-1", "p"),
    ambient=True,
    card_id="c",
    queue_item_id="q",
    resolved_at=CHANGED,
    response="{}",
    changes=3,
)
SENDING = Sending(URL, 1, OTHER, "relay", ID, AT, ALICE)
BARE_INSTANCE = Instance(OTHER, "I2", "https://two.example", InstanceStatus.PENDING, "kh2", "th2", AT)
MEMBERSHIP = Membership(
    URL, "Hub", MembershipStatus.ACTIVE, hash_of("key"), ID, AT, "2026-03-05T00:00:00.000Z", AT, joins=1
)
CLICK = Click(
    ID,
    2,
    ALICE,
    "req_1",
    AT,
    next_attempt_at=AT,
    attempts=[],
    label="Approve",
    event_type="fd1.repo.access_granted",
)
DELIVERY = Delivery(
    ID, "fd1", ID, None, ALICE, "fd1.a.b", "warn", "Title", AT, AT, ends_at=1_800_000_000
)  # fmt: skip
ACCEPTED = AcceptedCall(
    "fire", "fd1", ID, {"content": {"event_id": "é"}, "severity": "warn"}, AT, "project", (ALICE, BOB)
)
DUE = timestamp(NOW + GRACE)


SNOOZED = replace(DELIVERY, delivery_id=OTHER, snoozed_until=CHANGED)
SNOOZE = Snooze(OTHER, CHANGED)
ENDPOINT = Endpoint("fd1", "https://hooks.example.com", AT, AT, AT, PausedBy.FAILURES, CHANGED)
REPLAY = Replay(
    ID,
    "fd1",
    "https://hooks.example.com",
    ReplayKind.FAILED,
    AT,
    CHANGED,
    AT,
    steps=1,
    examined=2,
    replayed=1,
    day=AT[:10],
    position=ReplayPosition(AT, OTHER, 1),
)
AUDIT_ENTRY = AuditEntry(
    ID, NOW, AuditKind.KEY_DISABLE, Actor(ActorKind.PERSON, ALICE, Credential.SESSION, ID),
    Subject("key", THIRD, BOB), "192.0.2.1", "req_1", {"by": "hand"}
)  # fmt: skip
_TABLES = (
    AUDIT, BOARD, CATALOG, CHAT, CONTACTS, DELIVERIES, DIRECTORY, EVENT_TYPES, FEEDBACK_TABLE, NETWORK, OUTBOX, PEERS,
    QUEUE_ITEMS, RELAYS, SOCKETS, TOKENS
)  # fmt: skip

pytestmark = [pytest.mark.usefixtures("tables"), pytest.mark.engine("embedded")]


def test_stores_write_the_rows_that_they_have_always_written() -> None:
    _write_everything()
    assert _stored() == json.loads(_FILE.read_text())


def test_stores_read_the_rows_that_they_have_always_written() -> None:
    for table in _TABLES:
        for item in json.loads(_FILE.read_text())[table.name]:
            dynamodb().put_item(TableName=table.physical_name, Item=item)
    directory, grants = DynamoDirectory(), DynamoGrants()
    assert directory.find_person(ALICE) == PERSON
    assert directory.find_integrator("fd1") == INTEGRATOR
    assert directory.find_integrator("fd2") == replace(BARE_INTEGRATOR, archived_at=CHANGED)
    assert directory.find_project("apollo") == PROJECT
    assert DynamoTeams().find_teams(["team-1"]) == {"team-1": TEAM}
    assert DynamoProfiles().find_profile(ALICE) == ({"visibility": "public", "bio": "x"}, 1)
    assert [vars(key) for key in grants.list_keys(ALICE)] == [
        {
            "key_id": ID,
            "user_id": ALICE,
            "name": "laptop",
            "prefix": "dvd_abc",
            "permissions": frozenset(("queue", "board")),
            "active": True,
            "expires_at": LATER,
            "last_used_at": None,
            "usage_count": 0,
            "created_at": AT,
            "created_by": None,
            "last_used_from": None,
        }
    ]
    assert DynamoSessions().list_of(ALICE, now=NOW) == [SESSION]
    assert DynamoPasskeys().list_of(ALICE) == [PASSKEY]
    asked = PresentedToken(SignInSecret.CHALLENGE, "ef" * 32, "", b"")
    ends = int(NOW.timestamp()) + 300
    assert DynamoPasskeys().find_both(asked, b"") == (Challenge(BROWSER, ends), None)
    assert grants.list_tools() == [IssuedToken(ID, "fd1", ALICE, TokenStatus.ACTIVE, True, 7, AT, None, 0, None)]
    personal = {each.token_id: each for each in grants.list_personal(ALICE)}
    rotated = datetime(2026, 3, 5, 5, 6, 7, tzinfo=UTC)
    issued = IssuedToken(OTHER, "fd1", ALICE, TokenStatus.ACTIVE, False, 1000, AT, None, 0, rotated)
    assert personal[OTHER] == replace(issued, daily_limit=BARE_PERSONAL.daily_limit)
    assert personal[ID] == replace(issued, token_id=ID, daily_limit=5, prior_until=None)
    usage = {(each.kind, each.token_id): each for each in grants.list_usage(ALICE)}
    assert usage[TokenKind.KEY, ID] == Usage(TokenKind.KEY, ID, None, ALICE, TokenStatus.ACTIVE, 0, 0, "", 0, 0)
    assert usage[TokenKind.PERSONAL, ID].integrator == "fd1"
    assert DynamoCatalog().find_item("printer") == ITEM
    assert DynamoCatalog().list_entries() == [
        ItemEntry("printer", "Printer", "other", "llm-backend", 10**40, "fd1", False)
    ]
    assert DynamoApprovals().find_request(APPROVAL.approval_id) == APPROVAL
    assert DynamoSockets().find("c1", now=NOW) == SOCKET
    log = DynamoFrames().list_last(ALICE, limit=10, now=NOW)
    assert [each.frame.event.members if each.frame else None for each in log] == [{"item": {"a": 1.5}}, None]
    assert DynamoFrames().find_log_state(ALICE, now=NOW).sockets == [SOCKET]
    sealed = BrowserKeys("B" + "A" * 86, "random", is_sealed=True)
    assert DynamoPush().list_subscriptions(ALICE) == [replace(SUBSCRIPTION, keys=sealed)]
    assert DynamoChat().list_before(ALICE, None, role=None, limit=9) == [MESSAGE]
    assert DynamoBoard().find_card(ALICE, ID) == CARD
    assert DynamoBoard().find_card(ALICE, OTHER) == BARE_CARD
    assert DynamoBoard().find_card(ALICE, THIRD) == RANKED_CARD
    assert DynamoBoard().find_briefs(ALICE, [ID]) == {
        ID: CardBrief(ID, "Card", "active", "high", "human", "2026-04-01", RemoteMark(None, verified=False))
    }
    assert DynamoContacts().find_contact(ALICE, OTHER) == CONTACT
    brief = ContactBrief(OTHER, "Ann", "ann@example.com", "ACME", "+1", "boss", "a,b")
    assert DynamoContacts().find_briefs(ALICE, [OTHER]) == {OTHER: brief}
    assert DynamoQueue().find(ALICE, ID) == replace(QUEUE_ITEM, status=ItemStatus.BLOCKED, changes=3)
    assert DynamoQueue().find(ALICE, OTHER) == CLAIMED_ITEM
    assert DynamoQueue().find(ALICE, THIRD) == PROPOSED_ITEM
    assert DynamoQueue().find(ALICE, FOURTH) == PROPOSAL_ITEM
    assert DynamoStandingApprovals().list_all(ALICE) == [STANDING_APPROVAL]
    assert DynamoDelegations().list_all(ALICE).given == [DELEGATION]
    assert DynamoDelegations().list_all(BOB).received == [DELEGATION]
    assert DynamoQueue().find_state(ALICE).open_tasks == {"fd1": 1}
    assert DynamoQueue().find_state(ALICE).mode == "chief_of_staff"
    assert DynamoAgents().list_agents() == [AGENT]
    assert DynamoFeedback().list_before(None, None, limit=9) == [further_rows.FEEDBACK, FEEDBACK]
    assert DynamoFederation().find_settings() == FederationSettings(FederationMode.OPEN, inbound=True, approval=False)
    assert DynamoPeerConnections().find_by_token("secret") == [PEER_CONNECTION]
    assert DynamoConnectionNotices().find(PEER_NOTICE.job) == PEER_NOTICE
    assert DynamoInstances().find(ID) == INSTANCE
    assert DynamoInstances().find(OTHER) == BARE_INSTANCE
    assert DynamoMarketplace().find_by_id(ID) == LISTING
    assert DynamoMarketplace().iterate_active().__next__().slug == "helper"
    assert DynamoInstanceNotices().find("n2") == NOTICE
    assert DynamoHubs().list_memberships() == [MEMBERSHIP]
    assert DynamoOutgoing().find(ALICE, ID) == RELAY
    assert DynamoOutbox().list_first(URL, limit=9) == [SENDING]
    assert DynamoClicks().list_of(ID) == [CLICK]
    with time_machine.travel(NOW):
        # It is kept for a month.
        assert DynamoAcceptedCalls().find(ACCEPTED.event_part, "fire") == ACCEPTED
        assert DynamoSnoozes().find(OTHER) == (None, SNOOZE)
        assert DynamoEndpoints().list_of() == [ENDPOINT]
        assert DynamoReplays().find(ID) == REPLAY
        assert list_entries(AuditFilter(ALICE), after=None, limit=9).entries == [with_refs(AUDIT_ENTRY)]
        assert list_entries(AuditFilter(BOB), after=None, limit=9).entries == [with_refs(AUDIT_ENTRY)]
    assert DynamoOutbox().find(URL) == Outbox(URL, last_position=1, due_at=DUE)
    further_rows.check(RELAY)


def _write_everything() -> None:
    directory, tokens = DynamoDirectory(), DynamoTokens()
    directory.add_person(PERSON)
    directory.add_person(Person(BOB, "bob@example.com", "Bob", operator=True))
    directory.set_active(BOB, active=False)
    directory.add_integrator(INTEGRATOR)
    directory.add_integrator(BARE_INTEGRATOR)
    directory.archive_integrator("fd2", at=CHANGED)
    directory.add_project(PROJECT, TEAM)
    DynamoProfiles().save_profile(
        ALICE, {"visibility": "public", "bio": "x"}, over={}, seen=0, at=AT, claim=None, reply={}
    )
    tokens.add_key(KEY, _minted(TokenKind.KEY, "ab" * 32), now=NOW)
    tokens.add_tools(TOOLS, _minted(TokenKind.TOOLS, ID), now=NOW)
    tokens.add_personal(PERSONAL, _minted(TokenKind.PERSONAL, ID), now=NOW)
    tokens.add_personal(BARE_PERSONAL, _minted(TokenKind.PERSONAL, OTHER), now=NOW)
    tokens.rotate(MintedToken(TokenKind.PERSONAL, "", OTHER, "next-hash"), now=NOW)
    assert DynamoSessions().begin(SESSION, _minted(SignInSecret.SESSION, "cd" * 32), None, now=NOW)
    for row_id, owner in (("ef" * 32, None), ("12" * 32, ALICE), ("78" * 32, ALICE)):
        DynamoPasskeys().add_challenge(_minted(SignInSecret.CHALLENGE, row_id), BROWSER, owner, now=NOW)
    answered = PresentedToken(SignInSecret.CHALLENGE, "12" * 32, "", b"")
    DynamoPasskeys().add(PASSKEY, answered, BROWSER, now=NOW)
    DynamoCatalog().add_item(ITEM, **NO_CLAIM)
    DynamoApprovals().save(APPROVAL, over=None, **NO_CLAIM)
    DynamoSockets().add(SOCKET)
    frames = DynamoFrames()
    events = LiveEvent(FrameType.QUEUE_CHANGED, {"item": {"a": 1.5}})
    frames.append(ALICE, [events], LogState(LogEntry(0, None), [SOCKET]), now=NOW)
    frames.begin(ALICE, after=frames.find_log_state(ALICE, now=NOW).last.position, now=NOW)
    DynamoPush().add(SUBSCRIPTION, **NO_CLAIM)
    DynamoChat().add(MESSAGE, **NO_CLAIM)
    DynamoBoard().add_card(CARD, Placement(CARD.order), tail=Tail(None, 0), **NO_CLAIM)
    DynamoBoard().add_card(BARE_CARD, Placement(4), tail=Tail(3, 1), **NO_CLAIM)
    DynamoBoard().add_card(RANKED_CARD, Placement(4), tail=Tail(4, 2), **NO_CLAIM)
    DynamoContacts().add_contact(CONTACT, **NO_CLAIM)
    queue = DynamoQueue()
    queue.add_once(QUEUE_ITEM)
    queue.add_once(CLAIMED_ITEM)
    queue.add_once(PROPOSED_ITEM)
    queue.add_once(PROPOSAL_ITEM)
    DynamoStandingApprovals().add(STANDING_APPROVAL, seen=queue.find_state(ALICE), **NO_CLAIM)
    delegations = DynamoDelegations()
    delegations.add(DELEGATION, seen=delegations.find_versions([ALICE, BOB]), **NO_CLAIM)
    blocked = replace(QUEUE_ITEM, status=ItemStatus.BLOCKED)
    queue.save([Change(QUEUE_ITEM, blocked)], by="key", seen=None, **NO_CLAIM)
    settings = {"mode": "chief_of_staff"}
    queue.save_settings(ALICE, settings, dispatched=None, by="key", seen=queue.find_state(ALICE), **NO_CLAIM)
    DynamoAgents().add_agent(AGENT)
    DynamoFeedback().add(FEEDBACK, **NO_CLAIM)
    DynamoFederation().save_settings(FederationSettings(FederationMode.OPEN, inbound=True, approval=False))
    DynamoPeerConnections().add(PEER_CONNECTION, "secret", after=None, message=None, notices=[PEER_NOTICE])
    pending = replace(INSTANCE, status=InstanceStatus.PENDING)
    for each in (pending, BARE_INSTANCE):
        DynamoRegistrations().add(each, "key", most_an_hour=150, network="192.0.2.1", now=NOW, notice=None)
    DynamoInstances().set_status(INSTANCE, over=pending, notice=None)
    DynamoMarketplace().save_listing(LISTING, over=None, notice=NOTICE)
    hubs = DynamoHubs()
    membership, _ = hubs.prepare(URL, "Hub", "key")
    welcome = RegistrationAnswer.model_validate({"instanceId": ID, "platformToken": "t" * 40, "status": "active"})
    hubs.join(membership, "key", welcome, now=NOW)
    (joined,) = hubs.list_memberships()
    hubs.record(joined, HeartbeatOutcome(MembershipStatus.ACTIVE, None, None, LATER), now=NOW)
    DynamoClicks().add(CLICK, DELIVERY, due_at=NOW)
    DynamoAcceptedCalls().add(ACCEPTED, now=NOW)
    DynamoEndpoints().save(ENDPOINT, over=None)
    DynamoReplays().begin(REPLAY, now=NOW)
    commit(snooze_actions(replace(SNOOZED, snoozed_until=None), SNOOZED))
    write_all(AUDIT, puts=[audit_to_row(AUDIT_ENTRY)])
    DynamoOutgoing().send(RELAY, SENDING, over=Outbox(URL), now=NOW, **NO_CLAIM)
    further_rows.write(RELAY)


def _stored() -> dict[str, list[dict[str, Any]]]:
    return {
        table.name: sorted(
            ({name: _compared(name, value) for name, value in sorted(item.items())} for item in _items(table)), key=repr
        )
        for table in _TABLES
    }


def _items(table: Table) -> list[Any]:
    return list(dynamodb().scan(TableName=table.physical_name)["Items"])


def _compared(name: str, value: Any) -> Any:
    if name in _RANDOM:
        return {"S": "random"}
    return {"SS": sorted(value["SS"])} if "SS" in value else value


def _minted(kind: TokenKind | SignInSecret, row_id: str) -> MintedToken:
    return MintedToken(kind, "text", row_id, f"hash-of-{row_id}")
