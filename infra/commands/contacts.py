"""`contacts`: rebuild the search index of people's contacts."""

from collections.abc import Iterator
from uuid import uuid4

import click

from chalicelib.aws import dynamodb
from chalicelib.board.stores.contacts import DynamoContacts
from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.stores.items import from_item, values
from chalicelib.resources import CONTACTS
from infra.commands.output import json_option, print_record


@click.group()
def contacts() -> None:
    """Rebuild the search index of people's contacts."""


@contacts.command(epilog="Example: contacts reindex")
@json_option
def reindex(*, as_json: bool) -> None:
    """Rebuild the search entries of contacts that were stored formerly.

    Reads the whole table of contacts. Contacts can be changed meanwhile. You can stop the command and run it again:
    what is rebuilt already is only checked.
    """
    checked = rebuilt = 0
    for user_id, contact_id in _list_contacts():
        checked += 1
        rebuilt += _rebuild(user_id, contact_id)
    print_record({"checked": checked, "rebuilt": rebuilt}, as_json=as_json)


def _list_contacts() -> Iterator[tuple[str, str]]:
    """Yield the owner and the id of every contact of the desk."""
    pages = (
        dynamodb()
        .get_paginator("scan")
        .paginate(
            TableName=CONTACTS.physical_name,
            FilterExpression="begins_with(sk, :contact)",
            ProjectionExpression="pk, id",
            ExpressionAttributeValues=values(contact="CONTACT#"),
        )
    )
    for page in pages:
        for item in page["Items"]:
            row = from_item(dict(item))
            yield row["pk"], row["id"]


def _rebuild(user_id: str, contact_id: str) -> bool:
    """Rebuild the entries of one contact; False if they are as they should be, or the contact was deleted."""
    store = DynamoContacts()
    attempts = Attempts("Too many calls are changing this contact. Try again.")
    while attempts.again():
        contact = store.find_contact(user_id, contact_id)
        if contact is None or store.is_indexed(contact):
            return False
        if store.reindex(contact, index_id=str(uuid4())):
            return True
