"""Register, change and list integrators, and the event types they publish."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.domain.requests import RequestContext
from chalicelib.inbox.services.ports import EventTypes
from chalicelib.operate.domain.integrators import IntegratorTypesOut
from chalicelib.people.domain.directory import (
    Integrator,
    IntegratorIn,
    IntegratorPatch,
    to_details,
)
from chalicelib.people.services.ports import Integrators


def register_integrator(
    request: IntegratorIn, *, integrator_id: str, now: datetime, integrators: Integrators, claim: Claim | None = None
) -> Integrator:
    """Register an integrator with its own event prefix. Store calls: 2.

    Raises:
        Conflict: the slug is taken, or the prefix overlaps another integrator's.
        AlreadyAnswered: the claim has been used before; nothing was done.
    """
    integrator = Integrator(
        integrator_id,
        request.slug,
        request.name,
        request.event_prefix,
        timestamp(now),
        request.homepage_url,
        request.description,
        relaxed_event_types=False,
    )
    for other in integrators.list_integrators():
        if _overlap(integrator.event_prefix, other.event_prefix) and other.slug != integrator.slug:
            raise Conflict(
                f"The event prefix {integrator.event_prefix} overlaps that of {other.slug}, {other.event_prefix}"
            )
    integrators.add_integrator(integrator, claim=claim, reply=to_details(integrator).model_dump(mode="json"))
    return integrator


def update_integrator(
    slug: str, patch: IntegratorPatch, *, context: RequestContext, integrators: Integrators
) -> Integrator:
    """Change the details of an integrator that is not archived. Store calls: 2.

    Raises:
        NotFound: there is no such integrator, or it is archived.
        Unavailable: too many others change it at the same time.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    attempts = Attempts("Too many calls are changing this integrator. Try again.")
    while attempts.again():
        over = integrators.find_integrator(slug)
        if over is None or over.archived_at is not None:
            raise NotFound("Integrator not found, or archived.")
        changed = replace(over, **patch.model_dump(exclude_unset=True))
        reply = to_details(changed).model_dump(mode="json")
        if integrators.save_integrator(changed, over=over, claim=context.claim, reply=reply):
            return changed


def list_event_types(
    *, context: RequestContext, integrators: Integrators, types: EventTypes, gather: Callable[..., list[Any]]
) -> list[IntegratorTypesOut]:
    """List the event types of the last 90 days by integrator. Store calls in sequence: 3."""
    slugs = [each.slug for each in integrators.list_integrators()]
    found = gather(*(partial(types.list_daily, slug, now=context.now) for slug in slugs))
    return [IntegratorTypesOut(integrator=slug, event_types=rows) for slug, rows in zip(slugs, found, strict=True)]


def _overlap(prefix: str, other: str) -> bool:
    return prefix.startswith(other) or other.startswith(prefix)
