"""Contacts: list, search, create, update and delete."""

from uuid import uuid4

from chalice.app import Blueprint

from chalicelib.api.v2.board_events import announce_change
from chalicelib.api.v2.contract import REMEMBER, SPEND, operation
from chalicelib.board.domain.contacts import (
    ContactIn,
    ContactOut,
    ContactPage,
    ContactPatch,
    ContactQuery,
)
from chalicelib.board.services import contacts
from chalicelib.board.stores.board import DynamoBoard
from chalicelib.board.stores.contacts import DynamoContacts
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, NotFound, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.edge.operation import from_stored_reply
from chalicelib.resources import BOARD, CONTACTS, NOTIFY, ORDER_INDEX

bp = Blueprint(__name__)

_CONTACTS = "/api/v2/contacts"
_CONTACT = f"{_CONTACTS}/{{id}}"


@operation(
    bp,
    "GET",
    _CONTACTS,
    tag="Contacts",
    permission="contacts",
    envelope="ContactsAnswer",
    answers={200: "The contacts."},
    grants=SPEND
    + CONTACTS.can("GetItem", "BatchGetItem", "Query")
    + CONTACTS.can("Query", index=ORDER_INDEX)
    + BOARD.can("BatchGetItem"),
)
def list_contacts(query: ContactQuery, caller: ApiKey) -> ContactPage:
    """List your contacts by name, each with a summary of its cards.

    With both `search` and `tag`, a contact must match both; an empty value is no filter. Sorting ignores case and
    accents, as searching does. A reply contains up to 5 MB of contacts. If it contains fewer than you asked for,
    `pagination.limit` is the actual number.
    """
    return contacts.list_contacts(query, owner=caller, contacts=DynamoContacts(), board=DynamoBoard())


@operation(
    bp,
    "POST",
    _CONTACTS,
    tag="Contacts",
    permission="contacts",
    status=201,
    envelope="ContactAnswer",
    answers={201: "The created contact."},
    refusals=(Conflict, TooLarge),
    replay=from_stored_reply,
    grants=SPEND + REMEMBER + NOTIFY + CONTACTS.can("BatchWriteItem", "PutItem", "UpdateItem"),
)
def create_contact(body: ContactIn, caller: ApiKey, context: RequestContext) -> ContactOut:
    """Create a contact."""
    created = contacts.create_contact(
        body,
        contact_id=str(uuid4()),
        index_id=str(uuid4()),
        owner=caller,
        context=context,
        contacts=DynamoContacts(),
    )
    announce_change(caller, context, contact_id=created.id)
    return created


@operation(
    bp,
    "GET",
    _CONTACT,
    tag="Contacts",
    permission="contacts",
    envelope="ContactAnswer",
    answers={200: "The contact."},
    refusals=(NotFound,),
    grants=SPEND + CONTACTS.can("GetItem") + BOARD.can("BatchGetItem"),
)
def get_contact(id: str, caller: ApiKey) -> ContactOut:  # noqa: A002 - the contract's name
    """Retrieve a contact with its cards."""
    return contacts.read_contact(id, owner=caller, contacts=DynamoContacts(), board=DynamoBoard())


@operation(
    bp,
    "PATCH",
    _CONTACT,
    tag="Contacts",
    permission="contacts",
    envelope="ContactAnswer",
    answers={200: "The updated contact."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=from_stored_reply,
    grants=SPEND
    + REMEMBER
    + NOTIFY
    + CONTACTS.can("GetItem", "BatchWriteItem", "UpdateItem", "ConditionCheckItem")
    + BOARD.can("BatchGetItem"),
)
def update_contact(id: str, body: ContactPatch, caller: ApiKey, context: RequestContext) -> ContactOut:  # noqa: A002
    """Update a contact.

    Members that you leave out keep their values, and null clears a value.
    """
    updated = contacts.update_contact(
        id,
        body,
        index_id=str(uuid4()),
        owner=caller,
        context=context,
        contacts=DynamoContacts(),
        board=DynamoBoard(),
    )
    announce_change(caller, context, contact_id=id)
    return updated


@operation(
    bp,
    "DELETE",
    _CONTACT,
    tag="Contacts",
    permission="contacts",
    envelope="ContactDeletedAnswer",
    answers={200: "The contact was deleted."},
    refusals=(NotFound, Conflict),
    replay=from_stored_reply,
    grants=SPEND
    + REMEMBER
    + NOTIFY
    + CONTACTS.can("GetItem", "BatchWriteItem", "UpdateItem", "DeleteItem")
    + BOARD.can("UpdateItem"),
)
def delete_contact(id: str, caller: ApiKey, context: RequestContext) -> None:  # noqa: A002
    """Delete a contact and remove it from its cards."""
    contacts.delete_contact(id, owner=caller, context=context, contacts=DynamoContacts())
    announce_change(caller, context, contact_id=id, removed=True)
