"""The board: cards and their checklists."""

from uuid import uuid4

from chalice.app import Blueprint

from chalicelib.api.v2.board_events import announce_change
from chalicelib.api.v2.contract import REMEMBER, SPEND, operation
from chalicelib.board.domain.board_messages import (
    CardIn,
    CardPage,
    CardPatch,
    CardQuery,
    ChecklistItemIn,
    ChecklistItemOut,
    ChecklistItemPatch,
    KanbanCardOut,
)
from chalicelib.board.services import board
from chalicelib.board.stores.board import DynamoBoard
from chalicelib.board.stores.contacts import DynamoContacts
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, NotFound, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.edge.operation import from_stored_reply
from chalicelib.federation.relays.gateways.outbox import OUTBOX_JOBS
from chalicelib.federation.relays.services.outgoing import Acknowledger
from chalicelib.federation.relays.stores.outbox import DynamoOutbox
from chalicelib.federation.relays.stores.outgoing import DynamoOutgoing
from chalicelib.resources import BOARD, CONTACTS, FACETS_INDEX, NOTIFY, ORDER_INDEX, OUTBOX, OUTBOX_WORK, RELAYS

bp = Blueprint(__name__)

_CARDS = "/api/v2/kanban"
_CARD = f"{_CARDS}/{{id}}"
_CHECKLIST = f"{_CARD}/checklist"
_ITEM = f"{_CHECKLIST}/{{itemId}}"
_CHANGE_ITEM = SPEND + REMEMBER + NOTIFY + BOARD.can("GetItem", "UpdateItem")


@operation(
    bp,
    "GET",
    _CARDS,
    tag="Kanban",
    permission="kanban",
    envelope="CardsAnswer",
    answers={200: "The cards."},
    grants=SPEND
    + BOARD.can("GetItem", "BatchGetItem")
    + BOARD.can("Query", index=ORDER_INDEX)
    + BOARD.can("Query", index=FACETS_INDEX)
    + CONTACTS.can("BatchGetItem"),
)
def list_cards(query: CardQuery, caller: ApiKey) -> CardPage:
    """List the cards on your board.

    Cards are sorted by `order`, then newest first. Each card has its checklist and a summary of its contacts. A filter
    value that no card can have matches nothing. A reply contains up to 5 MB of cards. If it contains fewer than you
    asked for, `pagination.limit` is the actual number.
    """
    return board.list_cards(query, owner=caller, board=DynamoBoard(), contacts=DynamoContacts())


@operation(
    bp,
    "POST",
    _CARDS,
    tag="Kanban",
    permission="kanban",
    status=201,
    envelope="CardAnswer",
    answers={201: "The created card."},
    refusals=(Conflict, TooLarge),
    replay=from_stored_reply,
    grants=SPEND
    + REMEMBER
    + NOTIFY
    + BOARD.can("GetItem", "BatchGetItem", "PutItem", "UpdateItem")
    + BOARD.can("Query", index=ORDER_INDEX),
)
def create_card(body: CardIn, caller: ApiKey, context: RequestContext) -> KanbanCardOut:
    """Create a card on your board.

    By default, the card is placed after all other cards. Otherwise name its place by `after`, `before` or `order`.
    """
    created = board.create_card(body, card_id=str(uuid4()), owner=caller, context=context, board=DynamoBoard())
    announce_change(caller, context, card_id=created.id)
    return created


@operation(
    bp,
    "GET",
    _CARD,
    tag="Kanban",
    permission="kanban",
    envelope="CardAnswer",
    answers={200: "The card."},
    refusals=(NotFound,),
    grants=SPEND + BOARD.can("GetItem") + CONTACTS.can("BatchGetItem"),
)
def get_card(id: str, caller: ApiKey) -> KanbanCardOut:  # noqa: A002 - the contract's name
    """Retrieve a card with its checklist and contacts."""
    return board.read_card(id, owner=caller, board=DynamoBoard(), contacts=DynamoContacts())


@operation(
    bp,
    "PATCH",
    _CARD,
    tag="Kanban",
    permission="kanban",
    envelope="CardAnswer",
    answers={200: "The updated card."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=from_stored_reply,
    grants=SPEND
    + REMEMBER
    + NOTIFY
    + BOARD.can("GetItem", "BatchGetItem", "UpdateItem", "ConditionCheckItem")
    + BOARD.can("Query", index=ORDER_INDEX)
    + CONTACTS.can("BatchGetItem")
    + RELAYS.can("BatchGetItem", "UpdateItem")
    + OUTBOX.can("GetItem", "PutItem", "UpdateItem")
    + OUTBOX_WORK.can_send(),
)
def update_card(id: str, body: CardPatch, caller: ApiKey, context: RequestContext) -> KanbanCardOut:  # noqa: A002
    """Update a card.

    Members that you leave out keep their values. To move a card, send the target stage as `status`, and its place: the
    card to place it `after` or `before`, or a number between those of its new neighbours as `order`. If no integer is
    left between them, cards near it get another `order`, and the board keeps its order. If another instance sent the
    card, completing it notifies that instance.
    """
    updated = board.update_card(
        id,
        body,
        owner=caller,
        context=context,
        board=DynamoBoard(),
        contacts=DynamoContacts(),
        source_relays=Acknowledger(DynamoOutgoing(), DynamoOutbox(), OUTBOX_JOBS),
    )
    announce_change(caller, context, card_id=id)
    return updated


@operation(
    bp,
    "DELETE",
    _CARD,
    tag="Kanban",
    permission="kanban",
    envelope="CardDeletedAnswer",
    answers={200: "The card was deleted."},
    refusals=(NotFound, Conflict),
    replay=from_stored_reply,
    grants=SPEND + REMEMBER + NOTIFY + BOARD.can("GetItem", "UpdateItem", "DeleteItem") + CONTACTS.can("UpdateItem"),
)
def delete_card(id: str, caller: ApiKey, context: RequestContext) -> None:  # noqa: A002
    """Delete a card with its checklist.

    Its contacts are not deleted.
    """
    board.delete_card(id, owner=caller, context=context, board=DynamoBoard())
    announce_change(caller, context, card_id=id, removed=True)


@operation(
    bp,
    "POST",
    _CHECKLIST,
    tag="Kanban",
    permission="kanban",
    status=201,
    envelope="ChecklistItemAnswer",
    answers={201: "The created item."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=from_stored_reply,
    grants=_CHANGE_ITEM,
)
def add_checklist_item(id: str, body: ChecklistItemIn, caller: ApiKey, context: RequestContext) -> ChecklistItemOut:  # noqa: A002
    """Add an item to a card's checklist.

    A checklist can have up to 100 items. Without `order`, the item is placed last. A card with its checklist can have
    up to 160,000 bytes of text.
    """
    added = board.add_item(id, body, item_id=str(uuid4()), owner=caller, context=context, board=DynamoBoard())
    announce_change(caller, context, card_id=id)
    return added


@operation(
    bp,
    "PATCH",
    _ITEM,
    tag="Kanban",
    permission="kanban",
    envelope="ChecklistItemAnswer",
    answers={200: "The updated item."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=from_stored_reply,
    grants=_CHANGE_ITEM + BOARD.can("ConditionCheckItem"),
)
def update_checklist_item(
    id: str,  # noqa: A002
    itemId: str,  # noqa: N803
    body: ChecklistItemPatch,
    caller: ApiKey,
    context: RequestContext,
) -> ChecklistItemOut:
    """Update an item of a card's checklist.

    Members that you leave out keep their values.
    """
    updated = board.update_item(id, itemId, body, owner=caller, context=context, board=DynamoBoard())
    announce_change(caller, context, card_id=id)
    return updated


@operation(
    bp,
    "DELETE",
    _ITEM,
    tag="Kanban",
    permission="kanban",
    envelope="ChecklistItemDeletedAnswer",
    answers={200: "The item was deleted."},
    refusals=(NotFound, Conflict),
    replay=from_stored_reply,
    grants=_CHANGE_ITEM,
)
def delete_checklist_item(
    id: str,  # noqa: A002
    itemId: str,  # noqa: N803
    caller: ApiKey,
    context: RequestContext,
) -> None:
    """Delete an item from a card's checklist."""
    board.delete_item(id, itemId, owner=caller, context=context, board=DynamoBoard())
    announce_change(caller, context, card_id=id)
