"""Contacts: list and search, add, change, delete."""

from uuid import uuid4

from chalice.app import Blueprint

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
from chalicelib.core.domain.call import Call
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, NotFound, TooLarge
from chalicelib.edge.operation import as_stored
from chalicelib.resources import BOARD, CONTACTS, ORDER_INDEX

bp = Blueprint(__name__)

_CONTACTS = "/api/v2/contacts"
_CONTACT = f"{_CONTACTS}/{{id}}"


@operation(
    bp,
    "GET",
    _CONTACTS,
    tag="contacts",
    area="contacts",
    envelope="ContactsAnswer",
    answers={200: "The contacts."},
    grants=SPEND
    + CONTACTS.can("GetItem", "BatchGetItem", "Query")
    + CONTACTS.can("Query", index=ORDER_INDEX)
    + BOARD.can("BatchGetItem"),
)
def list_contacts(query: ContactQuery, caller: ApiKey) -> ContactPage:
    """List the caller's contacts by name, each with its cards in brief.

    With `search` and `tag` both, a contact must have both; an empty one is no filter. Names are ordered as they are
    searched, without regard to case and accents. A reply holds at most 5 MB of contacts: of very large ones it may
    have fewer than asked for, and `pagination.limit` says how many.
    """
    return contacts.list_contacts(query, owner=caller, contacts=DynamoContacts(), board=DynamoBoard())


@operation(
    bp,
    "POST",
    _CONTACTS,
    tag="contacts",
    area="contacts",
    status=201,
    envelope="ContactAnswer",
    answers={201: "The new contact."},
    refusals=(Conflict, TooLarge),
    replay=as_stored,
    grants=SPEND + REMEMBER + CONTACTS.can("BatchWriteItem", "PutItem", "UpdateItem"),
)
def create_contact(body: ContactIn, caller: ApiKey, call: Call) -> ContactOut:
    """Add a contact to the caller's."""
    return contacts.create_contact(
        body,
        contact_id=str(uuid4()),
        index_id=str(uuid4()),
        owner=caller,
        call=call,
        contacts=DynamoContacts(),
    )


@operation(
    bp,
    "GET",
    _CONTACT,
    tag="contacts",
    area="contacts",
    envelope="ContactAnswer",
    answers={200: "The contact."},
    refusals=(NotFound,),
    grants=SPEND + CONTACTS.can("GetItem") + BOARD.can("BatchGetItem"),
)
def get_contact(id: str, caller: ApiKey) -> ContactOut:  # noqa: A002 - the contract's name
    """Read one contact, with its cards."""
    return contacts.read_contact(id, owner=caller, contacts=DynamoContacts(), board=DynamoBoard())


@operation(
    bp,
    "PATCH",
    _CONTACT,
    tag="contacts",
    area="contacts",
    envelope="ContactAnswer",
    answers={200: "The contact as it is now."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=as_stored,
    grants=SPEND
    + REMEMBER
    + CONTACTS.can("GetItem", "BatchWriteItem", "UpdateItem", "ConditionCheckItem")
    + BOARD.can("BatchGetItem"),
)
def update_contact(id: str, body: ContactPatch, caller: ApiKey, call: Call) -> ContactOut:  # noqa: A002
    """Change a contact; members that are left out stay as they are, null takes a value away."""
    return contacts.update_contact(
        id,
        body,
        index_id=str(uuid4()),
        owner=caller,
        call=call,
        contacts=DynamoContacts(),
        board=DynamoBoard(),
    )


@operation(
    bp,
    "DELETE",
    _CONTACT,
    tag="contacts",
    area="contacts",
    envelope="ContactDeletedAnswer",
    answers={200: "The contact is no more."},
    refusals=(NotFound, Conflict),
    replay=as_stored,
    grants=SPEND
    + REMEMBER
    + CONTACTS.can("GetItem", "BatchWriteItem", "UpdateItem", "DeleteItem")
    + BOARD.can("UpdateItem"),
)
def delete_contact(id: str, caller: ApiKey, call: Call) -> None:  # noqa: A002
    """Delete a contact, and take it off its cards."""
    return contacts.delete_contact(id, owner=caller, call=call, contacts=DynamoContacts())
