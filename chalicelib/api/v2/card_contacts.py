"""Link contacts to cards."""

from uuid import uuid4

from chalice.app import Blueprint

from chalicelib.api.v2.board_events import announce_change
from chalicelib.api.v2.contract import REMEMBER, SPEND, operation
from chalicelib.board.domain.card_contacts import (
    CardContactIn,
    CardContactOut,
    CardContactPatch,
)
from chalicelib.board.services import card_contacts
from chalicelib.board.stores.board import DynamoBoard
from chalicelib.board.stores.card_contacts import DynamoCardContacts
from chalicelib.board.stores.contacts import DynamoContacts
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, NotFound, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.edge.operation import from_stored_reply
from chalicelib.resources import BOARD, CONTACTS, NOTIFY

bp = Blueprint(__name__)

_LINKS = "/api/v2/kanban/{id}/contacts"
_LINK = f"{_LINKS}/{{contactId}}"
_CHANGE_BOTH = SPEND + REMEMBER + NOTIFY + BOARD.can("GetItem", "UpdateItem") + CONTACTS.can("GetItem", "UpdateItem")


@operation(
    bp,
    "POST",
    _LINKS,
    tag="Kanban",
    permission="kanban",
    status=201,
    envelope="CardContactAnswer",
    answers={201: "The created link."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=from_stored_reply,
    grants=_CHANGE_BOTH,
)
def link_contact(id: str, body: CardContactIn, caller: ApiKey, context: RequestContext) -> CardContactOut:  # noqa: A002
    """Link a contact to a card.

    A card can have up to 50 contacts, and a contact up to 90 cards. Linking a contact twice is a conflict.
    """
    linked = card_contacts.link_contact(
        id,
        body,
        link_id=str(uuid4()),
        owner=caller,
        context=context,
        board=DynamoBoard(),
        contacts=DynamoContacts(),
        links=DynamoCardContacts(),
    )
    announce_change(caller, context, card_id=id, contact_id=body.contact_id)
    return linked


@operation(
    bp,
    "PATCH",
    _LINK,
    tag="Kanban",
    permission="kanban",
    envelope="CardContactAnswer",
    answers={200: "The updated link."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=from_stored_reply,
    grants=_CHANGE_BOTH,
)
def update_card_contact(
    id: str,  # noqa: A002
    contactId: str,  # noqa: N803
    body: CardContactPatch,
    caller: ApiKey,
    context: RequestContext,
) -> CardContactOut:
    """Update a contact's role on a card.

    Members that you leave out keep their values.
    """
    updated = card_contacts.update_link(
        id,
        contactId,
        body,
        owner=caller,
        context=context,
        board=DynamoBoard(),
        contacts=DynamoContacts(),
        links=DynamoCardContacts(),
    )
    announce_change(caller, context, card_id=id, contact_id=contactId)
    return updated


@operation(
    bp,
    "DELETE",
    _LINK,
    tag="Kanban",
    permission="kanban",
    envelope="UnlinkedAnswer",
    answers={200: "The contact was removed from the card."},
    refusals=(NotFound, Conflict),
    replay=from_stored_reply,
    grants=SPEND + REMEMBER + NOTIFY + BOARD.can("GetItem", "UpdateItem") + CONTACTS.can("UpdateItem"),
)
def unlink_contact(
    id: str,  # noqa: A002
    contactId: str,  # noqa: N803
    caller: ApiKey,
    context: RequestContext,
) -> None:
    """Remove a contact from a card.

    Neither the card nor the contact is deleted.
    """
    card_contacts.unlink_contact(
        id, contactId, owner=caller, context=context, board=DynamoBoard(), links=DynamoCardContacts()
    )
    announce_change(caller, context, card_id=id, contact_id=contactId)
