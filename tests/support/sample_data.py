"""What is bob's, made as a request of his needs it; in all of it is a word that nobody else may read."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib import aws
from chalicelib.core.domain.fields import timestamp
from chalicelib.edge.route import Route
from chalicelib.federation.connections.domain.peering import Initiator, Peering, PeeringStatus
from chalicelib.federation.connections.stores.peers import DynamoPeers, token_hash
from chalicelib.people.domain.directory import Project, Team
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import CALLBACKS
from tests.support import inputs, instances, peer
from tests.support.api import Answer, Api
from tests.support.instances import Member

if TYPE_CHECKING:
    from tests.conftest import Desk

WORD = "canary-a1f7c09e"
ITEM = {"slug": "printer", "name": WORD, "type": "other"}
BEARER, FEDERATION = "Authorization", "X-Federation-Token"
OTHER_PEER_TOKEN = "u" * 40
HOOK, PEER = "https://hooks.example.com/", "https://other.example.org"


@dataclass(frozen=True)
class Ask:
    """A request: what fills the path, what goes along, and the credential that makes it."""

    credential: str = ""
    body: Any = None
    query: dict[str, str] = field(default_factory=dict)
    path: dict[str, str] = field(default_factory=dict)
    header: str = BEARER
    headers: dict[str, str] = field(default_factory=dict)

    def where(self, route: Route) -> str:
        """The path and the query."""
        query = "&".join(f"{name}={value}" for name, value in self.query.items())
        return route.path.format(**self.path) + (f"?{query}" if query else "")

    def shown(self, credential: str) -> dict[str, str]:
        """The headers, with this credential."""
        told = f"Bearer {credential}" if self.header == BEARER else credential
        return self.headers | ({self.header: told} if credential else {})

    def send(self, api: Api, route: Route, *, key: str | None = None, credential: str | None = None) -> Answer:
        """Make the request, or the same with another credential; none where that is empty."""
        shown = self.credential if credential is None else credential
        return api.call(route.method, self.where(route), self.body, headers=self.shown(shown), key=key)


class Scene:
    """What is bob's, made as it is asked for."""

    def __init__(self, api: Api, desk: "Desk") -> None:
        self.api, self.desk = api, desk
        self.key, self.token, self.admin, self.operator = desk.bob_key, desk.bob, desk.fd1, desk.alice_key

    def make(self, path: str, body: Any, token: str = "", *, method: str = "POST") -> Any:
        reply = self.api.call(method, path, body, token=token or self.key)
        assert reply.status < 300, reply.text
        return reply.json

    def card(self) -> str:
        return str(self.make("/api/v2/kanban", {"title": WORD})["data"]["id"])

    def contact(self) -> str:
        return str(self.make("/api/v2/contacts", {"name": WORD})["data"]["id"])

    def checked(self) -> dict[str, str]:
        card = self.card()
        item = self.make(f"/api/v2/kanban/{card}/checklist", {"text": WORD})["data"]["id"]
        return {"id": card, "itemId": item}

    def linked(self) -> dict[str, str]:
        card, contact = self.card(), self.contact()
        self.make(f"/api/v2/kanban/{card}/contacts", {"contactId": contact, "role": WORD})
        return {"id": card, "contactId": contact}

    def item(self, *, ready: bool = False) -> str:
        made = str(self.make("/api/v2/queue", {"title": WORD})["data"]["id"])
        if ready:
            self.make(f"/api/v2/queue/{made}/confirm", {"action": "approve"})
        return made

    def delivery(self) -> str:
        hook = {"label": WORD, "action_type": "webhook", "webhook_url": HOOK}
        made = self.make("/api/v1/events", inputs.event(title=WORD, actions=[hook]), self.token)
        return str(made["deliveryId"])

    def new_key(self) -> str:
        return str(self.make("/api/v2/keys", {"name": WORD})["data"]["id"])

    def connection(self) -> str:
        peer.allow()
        asked = peer.request(toUserEmail="bob@example.com", fromUserName=WORD, fromInstanceUrl=PEER)
        made = self.api.post(peer.CONNECTIONS, asked)
        assert made.status == 200, made.text
        return str(made.json["connectionId"])

    def relay(self) -> str:
        body = {"connectionId": self.connection(), "subject": WORD}
        return str(self.make("/api/v2/relays", body)["data"]["id"])

    def asked_connection(self) -> str:
        """A connection that bob has asked for; its token."""
        peer.allow()
        now = timestamp(datetime.now(UTC))
        made = Peering(
            connection_id=inputs.uuid(77),
            user_id=self.desk.user_id("bob"),
            user_email="bob@example.com",
            user_name=WORD,
            peer_url="https://third.example.org",
            peer_email="tim@third.example.org",
            asked_as="tim@third.example.org",
            peer_name=None,
            peer_instance_name=None,
            peer_connection_id=None,
            token_hash=token_hash(OTHER_PEER_TOKEN),
            status=PeeringStatus.PENDING,
            initiator=Initiator.US,
            hmac_enabled=False,
            peer_key=None,
            created_at=now,
            updated_at=now,
        )
        DynamoPeers().add(made, OTHER_PEER_TOKEN, after=None, message=None)
        return OTHER_PEER_TOKEN

    def member(self) -> Member:
        return instances.member(self.api)

    def offering(self) -> Member:
        made = self.member()
        assert instances.sync(self.api, made, {"id": "a", "name": WORD}).status == 200
        return made

    def catalog_item(self) -> str:
        self.make("/api/v1/catalog/items", ITEM, self.admin)
        return ITEM["slug"]

    def applied(self) -> str:
        slug = self.catalog_item()
        return str(self.make("/api/v1/catalog/requests", {"catalog_slug": slug, "note": WORD})["id"])

    def clicked(self) -> str:
        delivery = self.delivery()
        self.make(f"/api/v1/inbox/{delivery}/actions/0", None)
        return delivery

    def project(self) -> str:
        project, team = inputs.uuid(78), inputs.uuid(79)
        members = frozenset({self.desk.user_id("bob")})
        DynamoDirectory().add_project(Project(project, "secret", WORD, team, members, members), Team(team, WORD, WORD))
        return "secret"

    def browser(self) -> str:
        made = self.make("/api/v2/push/subscriptions", {"endpoint": f"https://push.example.com/{WORD}"})
        return str(made["data"]["id"])

    def dead_letter(self) -> str:
        """A queue with a message that was given up on."""
        job = {"deliveryId": inputs.uuid(80), "index": 0}
        url = aws.queue_url(CALLBACKS.dead_letters.physical_name)
        aws.sqs().send_message(QueueUrl=url, MessageBody=json.dumps(job))
        return CALLBACKS.name
