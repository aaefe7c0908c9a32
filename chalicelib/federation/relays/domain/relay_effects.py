"""The effects of a received relay: its stored payload, the card and the queue item of a task, and the chat message."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.board.domain.board import Assignee, Card, CardPriority, CardRow, CardStatus, Tail
from chalicelib.board.domain.positions import Placement
from chalicelib.core.domain.fields import is_uuid, to_one_line
from chalicelib.federation.connections.domain.connections import Connection
from chalicelib.federation.connections.domain.remote_texts import origin_marks
from chalicelib.federation.relays.domain.relay_messages import RelayIn, ScopeOut
from chalicelib.federation.relays.domain.relays import Relay, RelayPriority, Scope
from chalicelib.people.domain.directory import Memberships
from chalicelib.tasks.domain.dispatch import Dispatch
from chalicelib.tasks.domain.queue import Change, Item, ItemStatus, ItemType, Priority
from chalicelib.tasks.domain.settings import QueueState

# They mark the queue items that come from a relay.
ITEM_SOURCE, _ITEM_KIND = "federation", "federated_relay"
_LONGEST_TITLE, _LONGEST_DESCRIPTION = 500, 2000
_OF_A_CARD = {
    RelayPriority.LOW: CardPriority.LOW,
    RelayPriority.NORMAL: CardPriority.MEDIUM,
    RelayPriority.HIGH: CardPriority.HIGH,
    RelayPriority.URGENT: CardPriority.URGENT,
}


@dataclass(frozen=True)
class Work:
    """The card and the queue item of a task. `tail` is the end of the board when it was read."""

    card: Card
    placement: Placement[CardRow]
    tail: Tail
    dispatch: Dispatch


@dataclass(frozen=True)
class Effects:
    """The effects of a sent relay's end: changes of the queue, and the card after and before the note."""

    changes: Sequence[Change] = ()
    desk: QueueState | None = None
    card: Card | None = None
    card_before: Card | None = None


def resolve_scope(given: RelayIn, memberships: Memberships) -> tuple[Scope, Scope]:
    """Return the scope of a relay at this desk, and the part of the given scope that was dropped.

    Teams and projects of which the recipient is no member are dropped. A project implies its team, unless the relay
    names another one.
    """
    team = given.team_id if given.team_id in memberships.team_ids else None
    project = given.project_id if given.project_id in memberships.teams_of_projects else None
    dropped = Scope(None if team else given.team_id or None, None if project else given.project_id or None)
    if project and not team:
        team = memberships.teams_of_projects[project]
    return Scope(team, project), dropped


def to_scope_response(scope: Scope) -> ScopeOut:
    return ScopeOut(**{name: value for name, value in vars(scope).items() if value})


def stored_payload(given: RelayIn, connection: Connection, attached: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the payload to store. `_sender` comes from the connection, whatever the payload claims."""
    made = dict(given.payload)
    if attached:
        made["attachments"] = list(attached)
    else:
        made.pop("attachments", None)
    made["_sender"] = {
        "name": connection.peer_name or given.from_user_name or None,
        "email": connection.peer_email,
        "instanceUrl": connection.peer_url,
        "connectionId": connection.connection_id,
        "isFederated": True,
        "verified": connection.is_confirmed,
    }
    return made


def new_card(given: RelayIn, relay: Relay, connection: Connection, *, card_id: str) -> Card:
    """Return the card of a task. It has no place yet."""
    description = given.text or f"Sent by {connection.peer_label} ({connection.peer_email}) of {connection.peer_url}."
    return Card(
        card_id=card_id,
        user_id=relay.user_id,
        title=(given.title or "Federated task")[:_LONGEST_TITLE],
        description=description[:_LONGEST_DESCRIPTION],
        status=CardStatus.LEADS,
        priority=_OF_A_CARD[relay.priority],
        assignee=Assignee.HUMAN,
        due_date=relay.due_date,
        order=0,
        created_at=relay.created_at,
        updated_at=relay.created_at,
        project_id=relay.scope.project_id,
        source_relay_id=relay.relay_id,
        origin=connection.peer_url,
        verified=connection.is_confirmed,
    )


def new_item(card: Card, relay: Relay, connection: Connection, *, item_id: str, approved: bool) -> Item:
    """Return the queue item of a task."""
    about = {
        "type": _ITEM_KIND,
        "relayId": relay.relay_id,
        "connectionId": relay.connection_id,
        "cardId": card.card_id,
        "threadId": relay.thread_id,
        "intent": relay.intent.value,
        "peerInstanceUrl": connection.peer_url,
        "peerUserEmail": connection.peer_email,
        **origin_marks(connection),
    }
    return Item(
        item_id=item_id,
        user_id=relay.user_id,
        type=ItemType.TASK,
        title=card.title,
        description=card.description,
        priority=Priority(card.priority.value),
        status=ItemStatus.READY if approved else ItemStatus.PENDING_CONFIRMATION,
        source=ITEM_SOURCE,
        metadata=json.dumps(about, ensure_ascii=False),
        created_at=relay.created_at,
        updated_at=relay.created_at,
        project_id=relay.scope.project_id,
        team_id=relay.scope.team_id,
    )


def relay_text(given: RelayIn, connection: Connection, attached: Sequence[Mapping[str, Any]]) -> str:
    """Return the chat message's text for a relay."""
    lines = [f"{connection.peer_label} ({connection.peer_url}): {given.title or 'Federated relay'}"]
    if given.text:
        lines += ["", given.text]
    for each in attached:
        size = f" ({max(1, round(each['size'] / 1024))} KB)" if each["size"] else ""
        name, url = to_one_line(each["name"]), to_one_line(each["url"])
        # Only web addresses become links, because people click them.
        lines.append(f"[{name}]({url}){size}" if url.startswith(("https://", "http://")) else f"{name}: {url}{size}")
    return "\n".join(lines)


def relay_of_item(item: Item) -> str | None:
    """Return the id of the received relay that a queue item comes from; None if it comes from none."""
    if item.source != ITEM_SOURCE or item.metadata is None:
        return None
    found = json.loads(item.metadata)
    relay_id = found.get("relayId") if found.get("type") == _ITEM_KIND else None
    return relay_id if isinstance(relay_id, str) and is_uuid(relay_id) else None
