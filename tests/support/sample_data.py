"""Create Bob's data for sample requests. All of it contains CANARY, which nobody else may read."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib import aws
from chalicelib.core.domain.fields import timestamp
from chalicelib.edge.route import Route
from chalicelib.federation.connections.domain.connections import Connection, ConnectionStatus, Initiator
from chalicelib.federation.connections.stores.connection_rows import token_hash
from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.ids import SignInSecret
from chalicelib.people.domain.directory import Project, Team
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.reach.domain.mail import MailSettings, Security, Transport
from chalicelib.reach.stores.mail_settings import DynamoMailSettings
from chalicelib.reach.unsubscribe import unsubscribe_url
from chalicelib.resources import CALLBACKS
from chalicelib.tokens.domain.sessions import COOKIE
from tests.support import inputs, instances, passkeys, peer, sessions
from tests.support.api import Answer, Api
from tests.support.api_keys import new_api_key
from tests.support.directories import Directory
from tests.support.instances import Member

if TYPE_CHECKING:
    from tests.conftest import Desk

CANARY = "canary-a1f7c09e"
CATALOG_ITEM = {"slug": "printer", "name": CANARY, "type": "other"}
BEARER, FEDERATION = "Authorization", "X-Federation-Token"
OTHER_PEER_TOKEN = "u" * 40
WEBHOOK_URL, PEER_URL = "https://hooks.example.com/", "https://other.example.org"


def in_a_day() -> str:
    return timestamp(datetime.now(UTC) + timedelta(days=1))


@dataclass(frozen=True)
class SampleRequest:
    """A request: its credential, path parameters, query, headers and body."""

    credential: str = ""
    body: Any = None
    query: dict[str, str] = field(default_factory=dict)
    path: dict[str, str] = field(default_factory=dict)
    header: str = BEARER
    headers: dict[str, str] = field(default_factory=dict)

    def path_for(self, route: Route) -> str:
        """Return the path with its query."""
        query = "&".join(f"{name}={value}" for name, value in self.query.items())
        return route.path.format(**self.path) + (f"?{query}" if query else "")

    def headers_with(self, credential: str) -> dict[str, str]:
        """Return the headers with this credential."""
        if credential.startswith(SignInSecret.SESSION):
            return self.headers | sessions.cookie(credential)
        value = f"Bearer {credential}" if self.header == BEARER else credential
        return self.headers | ({self.header: value} if credential else {})

    def send(self, api: Api, route: Route, *, key: str | None = None, credential: str | None = None) -> Answer:
        """Send the request, optionally with another credential. An empty one sends none."""
        bearer = self.credential if credential is None else credential
        return api.call(route.method, self.path_for(route), self.body, headers=self.headers_with(bearer), key=key)


class SampleData:
    """Creates Bob's data on demand."""

    def __init__(self, api: Api, desk: "Desk") -> None:
        self.api, self.desk = api, desk
        self.api_key, self.token, self.admin_token, self.operator_key = desk.bob_key, desk.bob, desk.fd1, desk.alice_key

    def create(self, path: str, body: Any, token: str = "", *, method: str = "POST") -> Any:
        reply = self.api.call(method, path, body, token=token or self.api_key)
        assert reply.status < 300, reply.text
        return reply.json

    def add_card(self) -> str:
        return str(self.create("/api/v2/kanban", {"title": CANARY})["data"]["id"])

    def add_contact(self) -> str:
        return str(self.create("/api/v2/contacts", {"name": CANARY})["data"]["id"])

    def add_checklist_item(self) -> dict[str, str]:
        card = self.add_card()
        item = self.create(f"/api/v2/kanban/{card}/checklist", {"text": CANARY})["data"]["id"]
        return {"id": card, "itemId": item}

    def link_contact(self) -> dict[str, str]:
        card, contact = self.add_card(), self.add_contact()
        self.create(f"/api/v2/kanban/{card}/contacts", {"contactId": contact, "role": CANARY})
        return {"id": card, "contactId": contact}

    def add_queue_item(self, *, ready: bool = False) -> str:
        made = str(self.create("/api/v2/queue", {"title": CANARY})["data"]["id"])
        if ready:
            self.create(f"/api/v2/queue/{made}/confirm", {"action": "approve"})
        return made

    def propose(self) -> str:
        """Propose a task as Alice's agent, with a key other than the one of requests."""
        agent = self.create("/api/v2/keys", {"name": CANARY})["data"]["key"]
        proposal = {"tool": CANARY, "why": CANARY, "arguments": {"amount": 1}}
        body = {"title": CANARY, "metadata": {"proposal": proposal}}
        return str(self.create("/api/v2/queue", body, agent)["data"]["id"])

    def add_standing_approval(self) -> str:
        body = {"taskId": self.propose(), "until": in_a_day(), "uses": 5}
        return str(self.create("/api/v2/standing-approvals", body)["data"]["id"])

    def delegate(self) -> str:
        """Let Carol decide on Bob's proposals."""
        body = {"to": self.desk.user_id("carol"), "until": in_a_day()}
        return str(self.create("/api/v2/delegations", body)["data"]["id"])

    def add_delegated_task(self) -> str:
        """Let Bob decide on what Carol's agent proposes."""
        carol = new_api_key(self.desk, "carol")
        body: dict[str, Any] = {"to": self.desk.user_id("bob"), "until": in_a_day()}
        self.create("/api/v2/delegations", body, carol)
        proposal = {"tool": CANARY, "why": CANARY, "arguments": {"amount": 1}}
        body = {"title": CANARY, "metadata": {"proposal": proposal}}
        return str(self.create("/api/v2/queue", body, carol)["data"]["id"])

    def add_rejected_item(self) -> str:
        made = self.add_queue_item()
        self.create(f"/api/v2/queue/{made}/confirm", {"action": "reject"})
        return made

    def hold_event(self) -> str:
        """Publish an event that waits for Alice, who moderates it."""
        event = inputs.new_event(event_type="hr.offer.sent", title=CANARY, markdown_body=CANARY)
        return str(self.create("/api/v1/events", event, self.desk.moderated)["deliveryId"])

    def add_shown_queue_item(self) -> str:
        """Add a task, and let agents of integrators see it."""
        self.create("/api/v2/settings", {"agentsOfIntegrators": True}, method="PATCH")
        return self.add_queue_item()

    def add_delivery(self) -> str:
        hook = {"label": CANARY, "action_type": "webhook", "webhook_url": WEBHOOK_URL}
        event = inputs.new_event(title=CANARY, actions=[hook], labels={"repo": CANARY})
        made = self.create("/api/v1/events", event, self.token)
        return str(made["deliveryId"])

    def pause_endpoint(self) -> dict[str, str]:
        """Pause the endpoint of Bob's deliveries, and return its origin."""
        body = {"origin": WEBHOOK_URL.removesuffix("/")}
        self.create("/api/v1/callback-endpoints/pause", body, self.admin_token)
        return body

    def replay_callbacks(self) -> dict[str, str]:
        """Begin a replay, and return its id."""
        body = {"origin": WEBHOOK_URL, "since": "2026-05-01T00:00:00Z", "until": "2026-05-02T00:00:00Z"}
        made = self.create("/api/v1/callback-endpoints/replay", body, self.admin_token)
        return {"replayId": str(made["replayId"])}

    def add_channel(self) -> str:
        """Add a webhook of Bob's, and return its id."""
        body = {"kind": "webhook", "label": CANARY, "url": "https://hooks.example.com/notices"}
        return str(self.create("/api/v1/me/channels", body)["id"])

    def add_ingest_token(self) -> dict[str, Any]:
        made: dict[str, Any] = self.create(
            "/api/v1/ingest-tokens", {"adapter": "alertmanager", "name": CANARY}, self.token
        )
        return made

    def add_routed_token(self) -> dict[str, Any]:
        """Make an ingest token that publishes as an admin tools token, which rules are for."""
        made: dict[str, Any] = self.create(
            "/api/v1/ingest-tokens", {"adapter": "alertmanager", "name": CANARY}, self.admin_token
        )
        return made

    def change_inbox(self) -> str:
        """Archive a delivery as a bulk change, and return the id of that."""
        body = {"action": "archive", "ids": [self.add_delivery()]}
        return str(self.create("/api/v1/inbox/bulk", body)["jobId"])

    def set_up_mail(self) -> None:
        """Let the desk send e-mail by a mail server."""
        DynamoMailSettings().save(
            MailSettings(Transport.SMTP, "desk@example.com", "127.0.0.1", 25, Security.NONE), None
        )

    def unsubscribe_token(self) -> str:
        """Return the token that turns Bob's e-mail off."""
        return unsubscribe_url("", self.desk.user_id("bob")).rpartition("/")[2]

    def save_view(self) -> int:
        """Save a view of the inbox, and return the version."""
        seen = self.api.get("/api/v1/inbox/views", self.api_key).json["version"]
        body = {"views": [{"name": CANARY, "filter": {"q": CANARY, "days": 7}}], "version": seen}
        return int(self.create("/api/v1/inbox/views", body, method="PUT")["version"])

    def save_preferences(self) -> int:
        """Save preferences, and return the version."""
        seen = self.api.get("/api/v1/me/preferences", self.api_key).json["version"]
        rule = {"integrator": CANARY, "eventType": "fd1.repo", "severity": "info", "ways": ["inbox"]}
        body = {"rules": [rule], "quietHours": {"start": "22:00", "end": "07:00"}, "version": seen}
        return int(self.create("/api/v1/me/preferences", body, method="PUT")["version"])

    def declare_types(self) -> int:
        """Declare event types of the integrator fd1, and return the version."""
        types = [{"eventType": "fd1.build", "name": "Builds"}]
        return int(
            self.create("/api/v1/event-types/declared", {"types": types}, self.admin_token, method="PUT")["version"]
        )

    def add_key(self) -> str:
        return str(self.create("/api/v2/keys", {"name": CANARY})["data"]["id"])

    def sign_in(self) -> str:
        """Sign Bob in, and return the session."""
        return sessions.sign_in(self.api, self.desk.user_id("bob"), device=CANARY)

    def add_session(self) -> str:
        """Sign Bob in, and return the session's id."""
        made = sessions.use_code(self.api, sessions.new_code(self.desk.user_id("bob")), device=CANARY)
        return str(made.json["data"]["sessionId"])

    def visitor(self) -> passkeys.Visitor:
        """Return a browser in which Bob is signed in."""
        return passkeys.Visitor(self.api, cookies={COOKIE: self.sign_in()})

    def add_passkey(self) -> str:
        """Add a passkey of Bob, and return its id."""
        return self.visitor().add(CANARY).passkey_id

    def add_integration(self) -> str:
        """Give Bob's token a label, and return its id."""
        made = self.create("/api/v1/tokens/claim", {"email": "bob@example.com", "label": CANARY}, self.admin_token)
        return str(made["tokenId"])

    def add_connection(self) -> str:
        peer.allow_federation()
        asked = peer.connection_request(toUserEmail="bob@example.com", fromUserName=CANARY, fromInstanceUrl=PEER_URL)
        made = self.api.post(peer.CONNECTIONS, asked)
        assert made.status == 200, made.text
        return str(made.json["connectionId"])

    def add_relay(self) -> str:
        body = {"connectionId": self.add_connection(), "subject": CANARY}
        return str(self.create("/api/v2/relays", body)["data"]["id"])

    def add_requested_connection(self) -> str:
        """Add a connection that Bob has requested, and return its token."""
        peer.allow_federation()
        now = timestamp(datetime.now(UTC))
        made = Connection(
            connection_id=inputs.uuid(77),
            user_id=self.desk.user_id("bob"),
            user_email="bob@example.com",
            user_name=CANARY,
            peer_url="https://third.example.org",
            peer_email="tim@third.example.org",
            asked_as="tim@third.example.org",
            peer_name=None,
            peer_instance_name=None,
            peer_connection_id=None,
            token_hash=token_hash(OTHER_PEER_TOKEN),
            status=ConnectionStatus.PENDING,
            initiator=Initiator.US,
            hmac_enabled=False,
            peer_key=None,
            created_at=now,
            updated_at=now,
        )
        DynamoConnections().add(made, OTHER_PEER_TOKEN, after=None, message=None)
        return OTHER_PEER_TOKEN

    def add_member(self) -> Member:
        return instances.add_member(self.api)

    def add_offering_member(self) -> Member:
        made = self.add_member()
        assert instances.sync_agents(self.api, made, {"id": "a", "name": CANARY}).status == 200
        return made

    def add_catalog_item(self) -> str:
        self.create("/api/v1/catalog/items", CATALOG_ITEM, self.admin_token)
        return CATALOG_ITEM["slug"]

    def apply_for_item(self) -> None:
        """Let Bob apply for an item that everybody sees; nobody else reads why."""
        item = {"slug": "farm", "name": "Farm", "type": "server_access"}
        self.create("/api/v1/catalog/items", item, self.admin_token)
        self.create("/api/v1/catalog/requests", {"catalog_slug": "farm", "note": CANARY})

    def add_catalog_request(self) -> str:
        slug = self.add_catalog_item()
        return str(self.create("/api/v1/catalog/requests", {"catalog_slug": slug, "note": CANARY})["id"])

    def add_clicked_delivery(self) -> str:
        delivery = self.add_delivery()
        self.create(f"/api/v1/inbox/{delivery}/actions/0", None)
        return delivery

    def add_project(self) -> str:
        project, team = inputs.uuid(78), inputs.uuid(79)
        members = frozenset({self.desk.user_id("bob")})
        DynamoDirectory().add_project(
            Project(project, "secret", CANARY, team, members, members), Team(team, CANARY, CANARY)
        )
        return "secret"

    def add_browser(self) -> str:
        made = self.create("/api/v2/push/subscriptions", {"endpoint": f"https://push.example.com/{CANARY}"})
        return str(made["data"]["id"])

    def add_directory(self) -> Directory:
        """Connect a directory, and return it."""
        return Directory(self.api)

    def add_dead_letter(self) -> str:
        """Add a dead letter, and return the name of its queue."""
        job = {"deliveryId": inputs.uuid(80), "index": 0}
        url = aws.queue_url(CALLBACKS.dead_letters.physical_name)
        aws.sqs().send_message(QueueUrl=url, MessageBody=json.dumps(job))
        return CALLBACKS.name
