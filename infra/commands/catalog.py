"""`catalog`: manage what employees can apply for."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import click

from chalicelib.catalog.domain.catalog import AssetType, CatalogItemIn, CatalogItemPatch
from chalicelib.catalog.services.catalog import create_item, delete_item, update_item
from chalicelib.catalog.stores.approvals import DynamoApprovals
from chalicelib.catalog.stores.catalog import DynamoCatalog
from chalicelib.core.domain.callers import TokenStatus
from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.requests import RequestContext
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.tokens.stores.grants import DynamoGrants
from chalicelib.tokens.stores.tokens import DynamoTokens
from infra.commands.output import json_option, print_record, print_records


@click.group()
def catalog() -> None:
    """Manage what employees can apply for."""


@catalog.command(epilog="Example: catalog create ci --name 'Build farm' --integrator ci")
@click.argument("slug")
@click.option("--name", required=True, help="Display name.")
@click.option(
    "--type",
    "kind",
    type=click.Choice([each.value for each in AssetType]),
    default=AssetType.OTHER.value,
    show_default=True,
    help="Kind of access that the item gives.",
)
@click.option("--integrator", metavar="SLUG", help="Integrator that approved employees get events from.")
@click.option("--description", help="One or two sentences about what it is.")
@click.option("--category", help="Category, such as llm-backend.")
@click.option("--url", help="Where people find it.")
@click.option("--without-approval", is_flag=True, help="Grant access to everybody who applies.")
@json_option
def create(
    slug: str,
    *,
    name: str,
    kind: str,
    integrator: str | None,
    description: str | None,
    category: str | None,
    url: str | None,
    without_approval: bool,
    as_json: bool,
) -> None:
    """Create an item. Its slug can't be changed later.

    An item of an integrator is linked to the newest enabled tools token of that integrator.
    """
    item = CatalogItemIn.model_validate(
        {
            "slug": slug,
            "name": name,
            "type": AssetType(kind),
            "description": description,
            "category": category,
            "url": url,
            "approval_required": not without_approval,
            "linked_tools_token_id": _tools_token_of(integrator),
        }
    )
    create_item(
        item,
        item_id=str(uuid4()),
        context=_context(),
        items=DynamoCatalog(),
        people=DynamoDirectory(),
        tokens=DynamoTokens(),
    )
    print_record(_read(slug), as_json=as_json)


@catalog.command("list", epilog="Example: catalog list --archived --json")
@click.option("--archived", is_flag=True, help="Include archived items.")
@json_option
def list_(*, archived: bool, as_json: bool) -> None:
    """List items by slug."""
    slugs = sorted(each.slug for each in DynamoCatalog().list_entries() if archived or not each.archived)
    print_records([_read(each) for each in slugs], as_json=as_json, none="No catalog items.")


@catalog.command(epilog="Example: catalog link ci --integrator ci")
@click.argument("slug")
@click.option("--integrator", metavar="SLUG", required=True, help="Integrator that approved employees get events from.")
@json_option
def link(slug: str, integrator: str, *, as_json: bool) -> None:
    """Link an item to an integrator, which may then publish to approved people.

    Tokens that the item's approvals allowed before stay as they are.
    """
    update_item(
        slug,
        CatalogItemPatch.model_validate({"linked_tools_token_id": _tools_token_of(integrator)}),
        context=_context(),
        items=DynamoCatalog(),
        people=DynamoDirectory(),
        tokens=DynamoTokens(),
    )
    print_record(_read(slug), as_json=as_json)


@catalog.command(epilog="Example: catalog archive ci")
@click.argument("slug")
def archive(slug: str) -> None:
    """Archive an item. Nobody can apply for it any more, and its slug stays taken.

    Existing approvals stay. End them with `approvals revoke`.
    """
    delete_item(slug, hard=False, context=_context(), items=DynamoCatalog(), approvals=DynamoApprovals())
    click.echo(f"Archived {slug}.")


def _tools_token_of(integrator: str | None) -> str | None:
    if integrator is None:
        return None
    for token in DynamoGrants().list_tools():
        if token.integrator == integrator and token.status is TokenStatus.ACTIVE:
            return token.token_id
    raise Invalid(f"{integrator} has no enabled tools token. Create one with: tools-tokens create")


def _context() -> RequestContext:
    return RequestContext("", datetime.now(UTC))


def _read(slug: str) -> dict[str, Any]:
    item = DynamoCatalog().find_item(slug)
    assert item is not None
    return {
        "slug": item.slug,
        "name": item.name,
        "type": item.type.value,
        "integrator": item.integrator,
        "approvalRequired": item.approval_required,
        "createdAt": item.created_at,
        "archivedAt": item.archived_at,
    }
