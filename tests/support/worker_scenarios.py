"""Scenarios for every worker and schedule: how to create work, and what is stored when it is done."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs
from uuid import UUID

from chalicelib import aws
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.stores.items import from_item, to_item
from chalicelib.core.stores.writes import commit
from chalicelib.federation.connections.signatures import SigningKey
from chalicelib.federation.network.domain.instances import Instance, InstanceStatus, proof
from chalicelib.federation.network.stores.registrations import DynamoRegistrations
from chalicelib.inbox.domain.endpoints import Endpoint, PausedBy
from chalicelib.inbox.stores.endpoints import DynamoEndpoints
from chalicelib.live.stores.push import mark_reach
from chalicelib.reach.domain.channels import ChannelKind
from chalicelib.reach.domain.jobs import ChannelJob, EmailJob
from chalicelib.reach.domain.mail import MailSettings, Security, Transport
from chalicelib.reach.gateways.email_jobs import EMAIL_JOBS
from chalicelib.reach.gateways.jobs import jobs_of
from chalicelib.reach.stores.digests import DynamoDigests
from chalicelib.reach.stores.mail_settings import DynamoMailSettings
from chalicelib.resources import (
    CALLBACKS,
    CHAT,
    CONTACTS,
    DELIVERIES,
    DIRECTORY,
    EMAIL,
    EVENT_TYPES,
    MAIL_REPORTS,
    NETWORK,
    OUTBOX,
    PEER_NOTICES,
    PEERS,
    QUEUE_ITEMS,
    REACH,
    RELAYS,
    SOCKET_WORK,
    SOCKETS,
    Table,
)
from tests.support import erasures, inputs, instances, peer
from tests.support.api import Api
from tests.support.mail_server import MailServer
from tests.support.pump import Pumps
from tests.support.receiver import Received, Receiver
from tests.support.sample_data import CANARY, SampleData
from tests.support.sample_requests import sample_request
from tests.support.sockets import Client, Sockets

if TYPE_CHECKING:
    from tests.conftest import Desk

_PEER_KEY = SigningKey.new("theirs")


@dataclass(frozen=True)
class ScenarioContext:
    """The desk under test, and the systems that it sends to."""

    api: Api
    desk: "Desk"
    receiver: Receiver
    sockets: Sockets
    mail: MailServer

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.receiver.port}"

    def request(self, operation: str) -> Any:
        """Send the sample request of this operation."""
        route, request = sample_request(operation, SampleData(self.api, self.desk))
        made = request.send(self.api, route)
        assert made.status == route.status, made.text
        return made.json

    def set_answer(self, status: int = 200, /, **said: Any) -> None:
        """Set the response of the receiver."""
        self.receiver.status, self.receiver.body = status, json.dumps(said).encode()

    @property
    def client(self) -> Client:
        (found,) = self.sockets.clients.values()
        return found

    def forget_sent(self) -> None:
        """Forget what was sent so far."""
        self.receiver.received.clear()
        self.mail.received.clear()
        for each in self.sockets.clients.values():
            each.posted.clear()
            each.gone = False


@dataclass(frozen=True)
class WorkerScenario:
    """Work for the functions named, in the order they run. `helpers` are other functions that take part.

    `arrange` creates the work, which is due after `due_after`. When it is done, `read_result` returns `expected`, and
    `list_sent` has sent_count entries: ids that stay the same when something is sent again.
    """

    functions: tuple[str, ...]
    arrange: Callable[[ScenarioContext], object]
    read_result: Callable[[ScenarioContext], Any]
    expected: Any
    list_sent: Callable[[ScenarioContext], list[str]]
    sent_count: int = 1
    helpers: tuple[str, ...] = ()
    due_after: timedelta = timedelta(0)


def scan_rows(table: Table) -> Iterator[dict[str, Any]]:
    found = aws.dynamodb().scan(TableName=table.physical_name, ConsistentRead=True)["Items"]
    return (from_item(dict(item)) for item in found)


def _values_of(table: Table, name: str, **where: Any) -> Callable[[ScenarioContext], list[Any]]:
    """Read an attribute of the table's matching rows."""

    def seen(_: ScenarioContext) -> list[Any]:
        return [row[name] for row in scan_rows(table) if name in row and where.items() <= row.items()]

    return seen


def _read_received(named: Callable[[Received], str]) -> Callable[[ScenarioContext], list[str]]:
    return lambda context: [named(each) for each in context.receiver.received]


def _read_posted(named: Callable[[Received], str]) -> Callable[[ScenarioContext], list[str]]:
    return lambda context: [named(each) for each in context.receiver.posted]


def _body_field(name: str) -> Callable[[Received], str]:
    return lambda received: f"{received.path} {json.loads(received.body)[name]}"


_WEBHOOK_IDS = _read_received(lambda received: received.headers["webhook-id"])


def _send_mail(context: ScenarioContext) -> None:
    sent = MailSettings(Transport.SMTP, "desk@example.com", "127.0.0.1", context.mail.port, Security.NONE)
    DynamoMailSettings().save(sent, None)
    delivery_id = SampleData(context.api, context.desk).add_delivery()
    bob = context.desk.user_id("bob")
    EMAIL_JOBS.send(EmailJob(user_id=bob, delivery_id=delivery_id, message_id=str(UUID(int=1))))


def _report_bounce(context: ScenarioContext) -> None:
    """Let Amazon SES report that a message to Bob came back."""
    _send_mail(context)
    Pumps().drain(EMAIL)
    (sent,) = (row for row in scan_rows(DELIVERIES) if row["sk"].startswith("MAIL#"))
    row = to_item(sent | {"providerId": "of-ses"})
    aws.dynamodb().put_item(TableName=DELIVERIES.physical_name, Item=row)
    message_id = context.mail.received[-1].message["Message-ID"]
    report = {
        "eventType": "Bounce",
        "bounce": {"bounceType": "Permanent", "bouncedRecipients": [{"emailAddress": "bob@example.com"}]},
        "mail": {"messageId": "of-ses", "headers": [{"name": "Message-ID", "value": message_id}]},
    }
    url = aws.queue_url(MAIL_REPORTS.physical_name)
    aws.sqs().send_message(QueueUrl=url, MessageBody=json.dumps(report))


def _leave_for_digest(context: ScenarioContext) -> None:
    """Leave a delivery for the digest of the next full hour."""
    sent = MailSettings(Transport.SMTP, "desk@example.com", "127.0.0.1", context.mail.port, Security.NONE)
    DynamoMailSettings().save(sent, None)
    delivery_id = SampleData(context.api, context.desk).add_delivery()
    at = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    assert DynamoDigests().add(context.desk.user_id("bob"), timestamp(at), delivery_id)


def _publish_for_digest(context: ScenarioContext) -> None:
    DynamoMailSettings().save(MailSettings(Transport.SMTP, "desk@example.com", "127.0.0.1", 1, Security.NONE), None)
    _publish_with_preferences(context, rules=[{"ways": ["digest"]}])


def _send_relay(context: ScenarioContext) -> None:
    context.set_answer(success=True)
    context.request("send_relay")


def _approve_member(context: ScenarioContext) -> None:
    context.set_answer(received=True)
    instances.add_member(context.api, baseUrl=context.address)


def _register_beside_squatter(context: ScenarioContext) -> None:
    """Register the receiver, which proves its key, after somebody else has."""
    key = "k" * 40

    def answer() -> None:
        asked = parse_qs(context.receiver.received[-1].path.partition("?")[2])
        (nonce,) = asked["challenge"]
        context.set_answer(challenge=nonce, instanceKeyProof=proof(nonce, key))

    context.receiver.before = answer
    now = datetime.now(UTC)
    squatter = Instance("squatter", "squatter", context.address, InstanceStatus.PENDING, "kh", "th", timestamp(now))
    DynamoRegistrations().add(squatter, "key", most_an_hour=9, network="192.0.2.1", now=now, notice=None)
    instances.register_instance(context.api, baseUrl=context.address, name="owner", apiKey=key)


def _accept_connection(context: ScenarioContext) -> None:
    context.set_answer(success=True)
    peer.allow_federation(approval=True)
    asked = peer.connection_request(toUserEmail="bob@example.com", fromInstanceUrl=context.address)
    connection = context.api.post(peer.CONNECTIONS, asked).json["connectionId"]
    path = f"{peer.CONNECTIONS}/{connection}"
    assert context.api.call("PATCH", path, {"action": "accept"}, token=context.desk.bob_key).status == 200


def _hold_request(context: ScenarioContext) -> None:
    """Receive a request that its desk confirms when it is asked."""
    context.set_answer(success=True, software="fluxden", keys=[], connection={"status": "pending"})
    peer.allow_federation(approval=False, unverified="pending")
    asked = peer.connection_request(toUserEmail="bob@example.com", fromInstanceUrl=context.address)
    assert context.api.post(peer.CONNECTIONS, asked).json["status"] == "pending"


def _request_accepted_connection(context: ScenarioContext) -> None:
    peer.allow_federation(approval=True)
    context.set_answer(success=True, connectionId="theirs", status="active")
    _request_connection(context)


def _request_connection(context: ScenarioContext) -> None:
    body = {"peerInstanceUrl": context.address, "peerUserEmail": "nora@other.example.org"}
    assert context.api.post("/api/v2/connection-requests", body, context.desk.bob_key).status == 201


def _request_unanswered_connection(context: ScenarioContext) -> None:
    """Request a connection from a Fluxden desk that receives the request and never answers it."""
    peer.allow_federation(approval=True)
    context.set_answer(success=True, connectionId="theirs", status="pending")
    _request_connection(context)
    pumps = Pumps()
    pumps.drain(PEER_NOTICES)
    _publish_key(context)
    pumps.run("fetch_peer_keys")
    context.set_answer(success=True)


def _finish_and_decide(context: ScenarioContext) -> None:
    """End a task and a relay, and decide on a held event that has a label and a supplement."""
    data, key = SampleData(context.api, context.desk), context.desk.bob_key
    queue = f"/api/v2/queue/{data.add_queue_item(ready=True)}/status"
    assert context.api.post(queue, {"status": "done_today"}, key).status == 200
    relay, token = data.add_relay(), str(peer.connection_request()["federationToken"])
    ended = {"relayId": relay, "status": "completed"}
    assert context.api.post(peer.ACK, ended, headers={"X-Federation-Token": token}).status == 200
    event = inputs.new_event(event_type="hr.offer.sent", labels={"a": "b"})
    held = context.api.post("/api/v1/events", event, context.desk.moderated).json["deliveryId"]
    supplement = f"/api/v1/events/{held}/supplement"
    assert context.api.post(supplement, {"markdown_body": "More."}, context.desk.moderated).status == 201
    decided = f"/api/v2/queue/{held}/confirm"
    assert context.api.post(decided, {"action": "reject"}, context.desk.alice_key).status == 200


def _read_ends(_: ScenarioContext) -> Any:
    lists = [row for table in (QUEUE_ITEMS, RELAYS) for row in scan_rows(table)]
    counts = [int(count) for row in lists if row["sk"] == "COUNTS" for name, count in row.items() if "|" in name]
    left = [row["sk"] for row in lists if row["sk"] != "COUNTS" and "dueAt" in row]
    held = [row for row in scan_rows(DELIVERIES) if "moderation" in row]
    ends = {row["expiresAt"] for row in held}
    hanging = [
        row for row in scan_rows(DELIVERIES) if row["pk"] == held[0]["pk"] or row.get("deliveryId") == held[0]["pk"]
    ]
    return any(counts), left, len(hanging), {row.get("expiresAt") for row in hanging} == ends


def _publish_key(context: ScenarioContext) -> None:
    key = {"keyId": _PEER_KEY.key_id, "algorithm": "ed25519", "publicKey": _PEER_KEY.public_key}
    context.set_answer(software="fluxden", keys=[key])


def _connect_peer_with_key(context: ScenarioContext) -> None:
    peer.allow_federation()
    told = {"keyId": _PEER_KEY.key_id, "publicKey": _PEER_KEY.public_key}
    asked = peer.connection_request(fromInstanceUrl=context.address, fluxden=told)
    assert context.api.post(peer.CONNECTIONS, asked).status == 200
    Pumps().drain(PEER_NOTICES)
    _publish_key(context)


def _remove_connection(context: ScenarioContext) -> None:
    """Remove a connection with a Fluxden desk, to which a relay waits."""
    _connect_peer_with_key(context)
    (made,) = (row["connectionId"] for row in scan_rows(PEERS) if row.get("peerUrl") == context.address)
    relay = {"connectionId": made, "subject": CANARY}
    assert context.api.post("/api/v2/relays", relay, token=context.desk.alice_key).status == 201
    context.set_answer(success=True)
    instances.run_admin("connections", "remove", made)


def _read_traces(context: ScenarioContext) -> Any:
    """Return what is left of the connections with the receiver, and the status of the relays to it."""
    left = [row["sk"] for row in scan_rows(PEERS) if row.get("peerUrl") == context.address or _is_notice(row)]
    waiting = [row["sk"] for row in scan_rows(OUTBOX) if row["sk"].startswith("SENDING#")]
    relays = [row["status"] for row in scan_rows(RELAYS) if row.get("peerInstanceUrl") == context.address]
    return left, waiting, relays


def _read_connection(context: ScenarioContext) -> Any:
    """Return the connection's status, its notices, and the contacts and messages that came of it."""
    statuses = [row["status"] for row in scan_rows(PEERS) if row.get("peerUrl") == context.address]
    # If a worker ends after the answer and before it records it, the notice is done all the same.
    notices = ["pending" if row["outcome"] == "pending" else "done" for row in scan_rows(PEERS) if _is_notice(row)]
    contacts = [row["pk"] for row in scan_rows(CONTACTS) if str(row.get("email")).endswith("@other.example.org")]
    messages = [row["pk"] for row in scan_rows(CHAT) if row.get("role") == "assistant"]
    return statuses, notices, len(contacts), len(messages)


def _is_notice(row: dict[str, Any]) -> bool:
    return str(row["sk"]).startswith("NOTICE#")


def _add_silent_member(context: ScenarioContext) -> None:
    made = instances.add_member(context.api)
    instances.offer_agent(context.api, made)
    assert context.api.post(instances.HEARTBEAT, {"status": "healthy"}, made.token).status == 200


def _join_hub(context: ScenarioContext) -> None:
    context.set_answer(201, success=True, instanceId="id-1", platformToken="dvd_fed_first", status="active")
    instances.run_admin("hub", "join", context.address)
    context.set_answer(success=True)


def _read_heartbeats(_: ScenarioContext) -> Any:
    return [(int(row["failures"]), "lastSuccessAt" in row) for row in scan_rows(NETWORK) if row["pk"] == "MEMBERSHIPS"]


def _publish_to_two_browsers(context: ScenarioContext) -> None:
    for path in ("one", "two"):
        endpoint = {"endpoint": f"{context.address}/{path}"}
        assert context.api.post("/api/v2/push/subscriptions", endpoint, context.desk.bob_key).status == 201
    assert context.api.post("/api/v1/events", inputs.new_event(), context.desk.bob).status == 202


def _publish_to_a_channel(context: ScenarioContext) -> None:
    commit([mark_reach(context.desk.user_id("bob"), "a-channel", is_on=True)])
    endpoint = {"endpoint": f"{context.address}/one"}
    assert context.api.post("/api/v2/push/subscriptions", endpoint, context.desk.bob_key).status == 201
    assert context.api.post("/api/v1/events", inputs.new_event(), context.desk.bob).status == 202


def _reach_channel(context: ScenarioContext, kind: ChannelKind, path: str) -> None:
    """Publish to Bob, and tell his channel of it, which has taken its test message."""
    data, queue = SampleData(context.api, context.desk), jobs_of(kind)
    context.set_answer(200, ok=True)
    scheme = "http" if kind is ChannelKind.WEBHOOK else "json"
    url = f"{scheme}://127.0.0.1:{context.receiver.port}{path}"
    made = data.create("/api/v1/me/channels", {"kind": kind.value, "label": CANARY, "url": url})
    data.create(f"/api/v1/me/channels/{made['id']}/test", None)
    Pumps().drain(queue.queue)
    context.forget_sent()
    user, delivery = context.desk.user_id("bob"), data.add_delivery()
    queue.send(ChannelJob(user_id=user, channel_id=made["id"], delivery_id=delivery, message_id=inputs.uuid(1)))


def _read_outcomes(_: ScenarioContext) -> Any:
    return [row["state"] for row in scan_rows(DELIVERIES) if row["sk"].startswith("REACH#")]


def _publish_with_preferences(context: ScenarioContext, **members: object) -> None:
    body = {**members, "version": 0}
    key = context.desk.bob_key
    assert context.api.call("PUT", "/api/v1/me/preferences", body, token=key).status == 200
    assert context.api.post("/api/v2/push/subscriptions", {"endpoint": f"{context.address}/one"}, key).status == 201
    assert context.api.post("/api/v1/events", inputs.new_event(), context.desk.bob).status == 202


def _publish_muted(context: ScenarioContext) -> None:
    _publish_with_preferences(context, rules=[{"ways": ["mute"]}])


def _publish_in_quiet_hours(context: ScenarioContext) -> None:
    now = datetime.now(UTC)
    start, end = now - timedelta(hours=1), now + timedelta(minutes=30)
    _publish_with_preferences(context, quietHours={"start": f"{start:%H:%M}", "end": f"{end:%H:%M}"})
    Pumps().drain(REACH)


def _read_muted(_: ScenarioContext) -> Any:
    read = ["readAt" in row for row in scan_rows(DELIVERIES) if row["sk"] == "DELIVERY"]
    return read, [int(row["muted"]) for row in scan_rows(DIRECTORY) if row["sk"] == "PREFERENCES"]


def _connect_client(context: ScenarioContext) -> None:
    context.sockets.connect(context.desk.bob_key)
    Pumps().drain(SOCKET_WORK)


def _reconnect_client(context: ScenarioContext) -> None:
    """Reconnect a client that has missed three messages."""
    first = context.sockets.connect(context.desk.bob_key)
    pumps = Pumps()
    pumps.drain(SOCKET_WORK)
    for _ in range(3):
        context.request("send_message")
    last_id = first.frames[0]["id"]
    first.close()
    context.sockets.clients.clear()
    context.sockets.connect(context.desk.bob_key, headers={"Last-Event-ID": last_id})


def _read_socket(context: ScenarioContext) -> Any:
    connections = [(row["live"], row["welcomed"]) for row in scan_rows(SOCKETS) if row["sk"].startswith("SOCKET#")]
    # Frames can be sent twice, but arrive in order.
    types = [each["type"] for each in {each["id"] + each["type"]: each for each in context.client.frames}.values()]
    return connections, types


def _read_bulk_send(_: ScenarioContext) -> Any:
    """Return how often each delivery was sent, and the number of their labels that are indexed."""
    rows = list(scan_rows(DELIVERIES))
    fires = [row["fireCount"] for row in rows if row.get("title") == CANARY]
    return fires, sum(row["pk"].startswith("LABEL#") for row in rows)


def _snooze_delivery(context: ScenarioContext) -> None:
    """Snooze a delivery for longer than its end is announced ahead, by a person whose client listens."""
    _connect_client(context)
    event = inputs.new_event(severity="critical")
    delivery = context.api.post("/api/v1/events", event, context.desk.bob).json["deliveryId"]
    snooze = {"read": True, "snoozedUntil": timestamp(datetime.now(UTC) + timedelta(minutes=20))}
    changed = context.api.call("PATCH", f"/api/v1/inbox/{delivery}", snooze, token=context.desk.bob_key)
    assert changed.status == 200
    context.forget_sent()


def _propose(context: ScenarioContext) -> None:
    """Propose something to Bob until in ten minutes, whose client listens."""
    _connect_client(context)
    until = timestamp(datetime.now(UTC) + timedelta(minutes=10))
    proposal = {"tool": "send", "why": "It is due.", "expiresAt": until}
    task = {"title": "Send it", "metadata": {"proposal": proposal}}
    assert context.api.post("/api/v2/queue", task, context.desk.bob_key).status == 201
    context.forget_sent()


def _read_proposal(_: ScenarioContext) -> Any:
    rows = [row for row in scan_rows(QUEUE_ITEMS) if row["sk"].startswith("ITEM#")]
    return [(row["status"], row["verdict"]["outcome"], "dueAt" in row) for row in rows]


def _click_button(context: ScenarioContext) -> None:
    """Publish an event to Bob whose button calls the receiver, and press it."""
    data = SampleData(context.api, context.desk)
    button = {"label": "Approve", "action_type": "webhook", "webhook_url": f"{context.address}/hook"}
    made = data.create("/api/v1/events", inputs.new_event(actions=[button]), data.token)
    data.create(f"/api/v1/inbox/{made['deliveryId']}/actions/0", None)


def _replay_failed(context: ScenarioContext) -> None:
    """Let a callback fail for good, and replay it."""
    began = datetime.now(UTC) - timedelta(minutes=1)
    context.set_answer(410)
    _click_button(context)
    Pumps().drain(CALLBACKS)
    context.set_answer()
    bounds = {"since": timestamp(began), "until": timestamp(datetime.now(UTC))}
    body = {"origin": context.address, **bounds}
    SampleData(context.api, context.desk).create("/api/v1/callback-endpoints/replay", body, context.desk.fd1)
    context.forget_sent()


def _pause_failing(context: ScenarioContext) -> None:
    """Let two callbacks wait for an endpoint that failures have paused, and whose probe is due."""
    at = timestamp(datetime.now(UTC))
    paused = Endpoint("fd1", context.address, at, at, at, PausedBy.FAILURES, at)
    assert DynamoEndpoints().save(paused, over=None)
    for _ in range(2):
        _click_button(context)
    Pumps().drain(CALLBACKS)


def _read_replays(_: ScenarioContext) -> Any:
    rows = list(scan_rows(DELIVERIES))
    replays = [(row["status"], int(row["replayed"])) for row in rows if row["pk"].startswith("REPLAY#")]
    paused = [row["sk"] for row in rows if row["pk"] == "ENDPOINTS"]
    return replays, paused, [row["outcome"] for row in rows if "outcome" in row]


def _read_snoozed(_: ScenarioContext) -> Any:
    rows = [row for row in scan_rows(DELIVERIES) if row["sk"] in ("DELIVERY", "SNOOZE")]
    return [(row["sk"], row["inboxKey"][0], "readAt" in row) for row in rows]


def _change_many(context: ScenarioContext) -> None:
    """Archive two of Bob's deliveries, and many that do not exist."""
    data = SampleData(context.api, context.desk)
    ids = [data.add_delivery(), *map(inputs.uuid, range(998)), data.add_delivery()]
    data.create("/api/v1/inbox/bulk", {"action": "archive", "ids": ids})


def _read_bulk_change(_: ScenarioContext) -> Any:
    rows = list(scan_rows(DELIVERIES))
    jobs = [row for row in rows if row["pk"].startswith("CHANGE#") and row["sk"] == "JOB"]
    archived = sum("archivedAt" in row for row in rows)
    return [row["status"] for row in jobs], [[int(each) for each in row["counts"]] for row in jobs], archived


WORKER_SCENARIOS = {
    "a bulk send": WorkerScenario(
        ("fan_out",),
        lambda context: context.request("publish_bulk"),
        _read_bulk_send,
        ([1, 1], 2),
        lambda _: [],
        sent_count=0,
    ),
    "a bulk change of an inbox": WorkerScenario(
        ("announce_due_inbox_changes", "change_inboxes"),
        _change_many,
        _read_bulk_change,
        (["done"], [[2, 0, 1_000 - 2, 0]], 2),
        lambda _: [],
        sent_count=0,
        due_after=timedelta(minutes=1),
    ),
    "an hour of event types": WorkerScenario(
        ("count_event_types",),
        lambda context: [context.request("publish_event") for _ in range(3)],
        lambda _: [(row["sk"][11:], int(row["count"])) for row in scan_rows(EVENT_TYPES) if "count" in row],
        [("fd1.repo.access_granted", 3)],
        lambda _: [],
        sent_count=0,
        due_after=timedelta(hours=2),
    ),
    "a click": WorkerScenario(
        ("announce_due_callbacks", "deliver_callback"),
        lambda context: context.request("click_action"),
        _values_of(DELIVERIES, "outcome"),
        ["delivered"],
        _WEBHOOK_IDS,
    ),
    "a replay of callbacks": WorkerScenario(
        ("announce_due_replays", "replay_callbacks"),
        _replay_failed,
        _read_replays,
        ([("done", 1)], [], ["delivered"]),
        _WEBHOOK_IDS,
        helpers=("announce_due_callbacks", "deliver_callback"),
        due_after=timedelta(minutes=1),
    ),
    "a paused endpoint": WorkerScenario(
        (
            "probe_callback_endpoints",
            "announce_due_callbacks",
            "deliver_callback",
            "announce_due_replays",
            "replay_callbacks",
        ),
        _pause_failing,
        _read_replays,
        ([("done", 1)], [], ["delivered", "delivered"]),
        _WEBHOOK_IDS,
        sent_count=2,
        due_after=timedelta(minutes=1),
    ),
    "an event for a digest": WorkerScenario(
        ("reach_person",),
        _publish_for_digest,
        lambda _: [len(row["deliveryIds"]) for row in scan_rows(DELIVERIES) if row["sk"].startswith("DIGEST#")],
        [1],
        lambda _: [],
        sent_count=0,
    ),
    "a digest": WorkerScenario(
        ("announce_ending_snoozes", "send_mail"),
        _leave_for_digest,
        lambda _: [row["state"] for row in scan_rows(DELIVERIES) if row["sk"].startswith("MAIL#")],
        ["sent"],
        lambda context: [str(each.message["Message-ID"]) for each in context.mail.received],
        due_after=timedelta(minutes=61),
    ),
    "an e-mail": WorkerScenario(
        ("send_mail",),
        _send_mail,
        lambda _: [row["state"] for row in scan_rows(DELIVERIES) if row["sk"].startswith("MAIL#")],
        ["sent"],
        lambda context: [str(each.message["Message-ID"]) for each in context.mail.received],
    ),
    "a message that came back": WorkerScenario(
        ("apply_mail_report",),
        _report_bounce,
        lambda _: [(row["state"], row["reason"]) for row in scan_rows(DIRECTORY) if "reason" in row],
        [("paused", "bounce")],
        lambda _: [],
        sent_count=0,
    ),
    "a relay": WorkerScenario(
        ("announce_due_outboxes", "send_waiting"),
        _send_relay,
        _values_of(RELAYS, "dispatch"),
        ["sent"],
        _read_received(_body_field("relayId")),
    ),
    "an approved instance": WorkerScenario(
        ("announce_due_notices", "deliver_notice"),
        _approve_member,
        _values_of(NETWORK, "outcome", sk="NOTICE", kind="instance_status"),
        ["delivered"],
        _WEBHOOK_IDS,
    ),
    "a registration": WorkerScenario(
        ("announce_due_notices", "deliver_notice"),
        _register_beside_squatter,
        lambda _: [
            [row["approved"] for row in scan_rows(NETWORK) if row["pk"].startswith("BASEURL#http://127")],
            sorted(
                row.get("confirmedBy") or "" for row in scan_rows(NETWORK) if row.get("name") in ("owner", "squatter")
            ),
        ],
        [[False], ["callback"]],
        _read_received(lambda received: parse_qs(received.path.partition("?")[2])["instanceId"][0]),
    ),
    "an accepted connection request": WorkerScenario(
        ("announce_due_peer_notices", "deliver_peer_notice"),
        _accept_connection,
        _read_connection,
        (["active"], ["done"] * 2, 1, 0),
        _read_posted(_body_field("connectionId")),
    ),
    "a held connection request": WorkerScenario(
        ("announce_due_peer_notices", "deliver_peer_notice"),
        _hold_request,
        _read_connection,
        (["active"], ["done"] * 3, 1, 1),
        _read_posted(_body_field("acceptedByEmail")),
    ),
    "an outgoing connection request": WorkerScenario(
        ("announce_due_peer_notices", "deliver_peer_notice"),
        _request_accepted_connection,
        _read_connection,
        (["active"], ["done"] * 2, 1, 1),
        _read_posted(_body_field("connectionId")),
    ),
    "an unanswered connection request": WorkerScenario(
        ("end_unanswered_requests", "deliver_peer_notice"),
        _request_unanswered_connection,
        _read_connection,
        (["expired"], ["done"] * 2, 0, 1),
        _read_posted(_body_field("connectionId")),
        helpers=("announce_due_peer_notices",),
        due_after=timedelta(days=31),
    ),
    "what has ended": WorkerScenario(
        ("end_data",),
        _finish_and_decide,
        _read_ends,
        (False, [], 3, True),
        lambda _: [],
        sent_count=0,
        due_after=timedelta(days=181),
    ),
    "a removed connection": WorkerScenario(
        ("announce_due_peer_notices", "deliver_peer_notice"),
        _remove_connection,
        _read_traces,
        ([], [], ["expired"]),
        _read_posted(_body_field("connectionId")),
        helpers=("send_waiting",),
    ),
    "an erasure": WorkerScenario(
        ("continue_erasures",),
        lambda context: erasures.begin(erasures.give_data(context.api, context.desk)),
        lambda _: erasures.read_result(),
        erasures.RESULT,
        lambda _: [],
        sent_count=0,
    ),
    "a peer's keys": WorkerScenario(
        ("fetch_peer_keys",),
        _connect_peer_with_key,
        lambda context: [
            len(row["publishedKeys"]) for row in scan_rows(PEERS) if row.get("peerUrl") == context.address
        ],
        [1],
        _read_received(lambda received: received.path),
    ),
    "a stale instance": WorkerScenario(
        ("mark_silent_instances",),
        _add_silent_member,
        lambda _: [("dueAt" in row, row["pk"]) for row in scan_rows(NETWORK) if "staleSince" in row],
        [(False, "INSTANCES")],
        lambda _: [],
        sent_count=0,
        due_after=timedelta(minutes=16),
    ),
    "a heartbeat": WorkerScenario(
        ("send_hub_heartbeats",),
        _join_hub,
        _read_heartbeats,
        [(0, True)],
        lambda _: [],
        sent_count=0,
    ),
    "a browser notification": WorkerScenario(
        ("nudge",),
        _publish_to_two_browsers,
        lambda _: None,
        None,
        _read_received(lambda received: received.path),
        sent_count=2,
    ),
    "a person with a channel": WorkerScenario(
        ("reach_person",),
        _publish_to_a_channel,
        lambda _: None,
        None,
        _read_received(lambda received: received.path),
        helpers=("nudge",),
    ),
    "a notification to a webhook": WorkerScenario(
        ("send_to_webhook",),
        lambda context: _reach_channel(context, ChannelKind.WEBHOOK, "/hook"),
        _read_outcomes,
        ["sent"],
        _WEBHOOK_IDS,
    ),
    "a notification to a chat service": WorkerScenario(
        ("send_to_chat",),
        lambda context: _reach_channel(context, ChannelKind.CHAT, "/chat"),
        _read_outcomes,
        ["sent"],
        _read_received(lambda received: received.path),
    ),
    "a muted event": WorkerScenario(
        ("reach_person",),
        _publish_muted,
        _read_muted,
        ([True], [1]),
        lambda _: [],
        sent_count=0,
    ),
    "the end of quiet hours": WorkerScenario(
        ("announce_ending_snoozes", "reach_person"),
        _publish_in_quiet_hours,
        lambda _: [row["sk"] for row in scan_rows(DELIVERIES) if row["sk"].startswith("HOLD#")],
        [],
        _read_received(lambda received: received.path),
        helpers=("nudge",),
        due_after=timedelta(minutes=31),
    ),
    "a client that reconnects": WorkerScenario(
        ("serve_sockets",),
        _reconnect_client,
        _read_socket,
        ([(True, True)], ["connected", *["new_message"] * 3]),
        lambda context: [each["id"] + each["type"] for each in context.client.frames],
        sent_count=4,
    ),
    "the end of a snooze": WorkerScenario(
        ("announce_ending_snoozes", "end_snooze"),
        _snooze_delivery,
        _read_snoozed,
        [("DELIVERY", "u", False)],
        # A worker that ends after it has told the person is followed by another, which tells them again.
        lambda context: [f"{each['type']} {each['snoozedUntil']}" for each in context.client.frames],
        due_after=timedelta(minutes=20),
    ),
    "the end of a proposal": WorkerScenario(
        ("end_proposals",),
        _propose,
        _read_proposal,
        [("rejected", "expired", False)],
        lambda context: [f"{each['type']} {each['newStatus']}" for each in context.client.frames],
        due_after=timedelta(minutes=10),
    ),
    # A heartbeat may be lost, and one comes every minute. None is listed as sent, since all have the same id.
    "a quiet connection": WorkerScenario(
        ("queue_heartbeats", "serve_sockets"),
        _connect_client,
        lambda context: {each["type"] for each in context.client.frames},
        {"heartbeat"},
        lambda _: [],
        sent_count=0,
    ),
}
