"""`approvals`: decide who has access to catalog items."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import click

from chalicelib.catalog.domain.approvals import (
    ApprovalIn,
    ApprovalOut,
    ApprovalPosition,
    ApprovalQuery,
    ApprovalStatus,
    Decision,
    ReviewIn,
)
from chalicelib.catalog.services.approvals import assign, list_page
from chalicelib.catalog.services.approvals import review as review_request
from chalicelib.catalog.services.approvals import revoke as revoke_access
from chalicelib.catalog.stores.approvals import DynamoApprovals
from chalicelib.core.domain.requests import RequestContext
from chalicelib.operate.services.employees import person_by_email
from chalicelib.people.stores.directory import DynamoDirectory
from infra.commands.output import json_option, print_record, print_records


@click.group()
def approvals() -> None:
    """Decide who has access to catalog items."""


_by_option = click.option("--by", metavar="EMAIL", help="Employee who decided, shown as the reviewer.")


@approvals.command("list", epilog="Example: approvals list --status pending")
@click.option("--item", metavar="SLUG", help="Only approvals of this catalog item.")
@click.option("--owner", metavar="EMAIL", help="Only approvals of this employee.")
@click.option("--status", type=click.Choice([each.value for each in ApprovalStatus]), help="Only with this status.")
@json_option
def list_(item: str | None, owner: str | None, status: str | None, *, as_json: bool) -> None:
    """List approvals, and requests that wait for a decision."""
    filters = {"catalog_slug": item, "email": owner, "status": ApprovalStatus(status) if status else None}
    query = ApprovalQuery.model_validate({name: value for name, value in filters.items() if value is not None})
    found: list[dict[str, Any]] = []
    position: ApprovalPosition | None = None
    while True:
        page, position = list_page(query, position, approvals=DynamoApprovals())
        found += map(_to_record, page)
        if position is None:
            break
    print_records(found, as_json=as_json, none="No approvals.")


@approvals.command(epilog="Example: approvals grant ci alice@example.com")
@click.argument("item")
@click.argument("email")
@_by_option
@json_option
def grant(item: str, email: str, by: str | None, *, as_json: bool) -> None:
    """Give an employee access to a catalog item, with or without a request.

    Integrators that the item is linked to may then publish to the employee.
    """
    request = ApprovalIn(email=email, catalog_slug=item)
    people = DynamoDirectory()
    made = assign(
        request, reviewer_id=_id_of(by, people), context=_context(), approvals=DynamoApprovals(), people=people
    )
    print_record(_to_record(made), as_json=as_json)


@approvals.command(epilog="Example: approvals review 2c9d2b6e-93a5-5b52-9c69-0e3c3f5c4a11 approve")
@click.argument("request_id", type=click.UUID)
@click.argument("decision", type=click.Choice([each.value for each in Decision]))
@click.option("--note", help="A note for the employee.")
@_by_option
@json_option
def review(request_id: UUID, decision: str, note: str | None, by: str | None, *, as_json: bool) -> None:
    """Approve or reject a request."""
    asked = {"request_id": str(request_id), "decision": Decision(decision)} | ({} if note is None else {"note": note})
    people = DynamoDirectory()
    made = review_request(
        ReviewIn.model_validate(asked),
        reviewer_id=_id_of(by, people),
        context=_context(),
        approvals=DynamoApprovals(),
        people=people,
    )
    print_record(_to_record(made), as_json=as_json)


@approvals.command(epilog="Example: approvals revoke ci alice@example.com")
@click.argument("item")
@click.argument("email")
@_by_option
def revoke(item: str, email: str, by: str | None) -> None:
    """End an employee's access, and the personal tokens that depend on it alone."""
    people = DynamoDirectory()
    done = revoke_access(
        ApprovalIn(email=email, catalog_slug=item),
        reviewer_id=_id_of(by, people),
        context=_context(),
        approvals=DynamoApprovals(),
        people=people,
    )
    if not done.revoked:
        click.echo(f"{email} has no access to {item}.")
        return
    ended = "1 personal token" if done.tokens_invalidated == 1 else f"{done.tokens_invalidated} personal tokens"
    click.echo(f"Revoked. Ended {ended}.")


def _id_of(by: str | None, people: DynamoDirectory) -> str:
    # The store knows nobody without an id, so the approval names no reviewer.
    return "" if by is None else person_by_email(by, people).user_id


def _context() -> RequestContext:
    return RequestContext("", datetime.now(UTC))


def _to_record(approval: ApprovalOut) -> dict[str, Any]:
    return {
        "id": approval.id,
        "email": approval.email,
        "item": approval.catalog_slug,
        "status": approval.status.value,
        "requestedAt": approval.requested_at,
        "reviewedAt": approval.reviewed_at,
        "reviewedBy": approval.reviewed_by_email,
    }
