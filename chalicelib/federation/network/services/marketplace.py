"""The agents that instances offer: synced by the instances, reviewed by the operator."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json

from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.error_reasons import to_reason
from chalicelib.core.domain.errors import Conflict, Forbidden, Invalid, NotFound, Refusal, SlugTaken
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.idempotency import to_stored_reply
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.ports import JobAnnouncer, Replays
from chalicelib.federation.network.domain.agent_descriptions import AgentPut, AgentRow, listing_details
from chalicelib.federation.network.domain.instance_notices import InstanceNoticeJob, agent_notice
from chalicelib.federation.network.domain.instances import Instance
from chalicelib.federation.network.domain.listings import (
    AgentDeletedOut,
    AgentOut,
    AgentPutOut,
    AgentsOut,
    SyncOut,
    SyncRowOut,
    created_row,
    failed_row,
    to_agent_response,
    to_listing_response,
    updated_row,
)
from chalicelib.federation.network.domain.marketplace import (
    FIRST_VERSION,
    LARGEST_LISTING,
    Listing,
    ListingChange,
    ListingStatus,
    slug_candidates,
    update_listing,
)
from chalicelib.federation.network.services.ports import Instances, Listings

# In each round, one of the simultaneous changes of an agent succeeds.
_ROUNDS = 16
_NO_AGENT = "There is no such agent."


@dataclass(frozen=True)
class Ports:
    """The ports of syncing. `new_id` makes ids; `new_revision` makes a text that no write has had before."""

    instances: Instances
    market: Listings
    replays: Replays
    gather: Callable[..., list[Any]]
    new_id: Callable[[], str]
    new_revision: Callable[[], str]


def sync(
    rows: Sequence[Any], *, instance_id: str, allow_loopback: bool, context: RequestContext, ports: Ports
) -> SyncOut:
    """Create or update some of an instance's agents, each on its own.

    Store calls in sequence after authentication: 3, and 2 more with an idempotency key. Agents with the same slug are
    written one after the other, and one that changes meanwhile is written again.

    Raises:
        Forbidden: the instance does not take part in the marketplace.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    instance = _find_participant(instance_id, ports.instances)
    begun = ports.replays.begin(context.claim) if context.claim else ""
    parsed = _parse_rows(rows, allow_loopback=allow_loopback)
    wanted = {number: row for number, row in enumerate(parsed) if isinstance(row, AgentRow)}
    found = ports.market.find_listings(instance_id, [row.id for row in wanted.values()]) if wanted else {}
    results: list[AgentRow | SyncRowOut] = list(parsed)
    groups: dict[str, list[int]] = {}
    for number, row in wanted.items():
        groups.setdefault(slug_candidates(instance, row.name)[0], []).append(number)

    def take(numbers: list[int]) -> None:
        for number in numbers:
            row = wanted[number]
            results[number] = _save_row(row, instance, found.get(row.id), at=timestamp(context.now), ports=ports)

    # This is done before the reply is stored, since a repeat that finds the reply does nothing more.
    noting = partial(ports.instances.save_report, instance_id, {"lastSyncAt": timestamp(context.now)})
    ports.gather(noting, *(_saving(take, numbers) for numbers in groups.values()))
    out = _summed(instance_id, [row for row in results if isinstance(row, SyncRowOut)])
    if context.claim:
        ports.replays.finish(context.claim, begun, reply=to_stored_reply(200, out))
    return out


def put(
    given: AgentPut, *, remote_id: str, instance_id: str, context: RequestContext, ports: Ports
) -> tuple[bool, AgentPutOut]:
    """Create or update one agent, and return whether it is new.

    An existing agent keeps its slug, even with a new name. Store calls after authentication: 3; more if the agent
    changes meanwhile.

    Raises:
        Forbidden: the instance does not take part in the marketplace.
        SlugTaken: another agent has the slug.
        Invalid: the details are too large to store.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    instance = _find_participant(instance_id, ports.instances)
    found = ports.market.find_listing(instance_id, remote_id)
    attempts = Attempts("The agent is changed by too many requests at once. Try again.")
    while attempts.again():
        made = _new_change(given, remote_id, instance, found, at=timestamp(context.now), ports=ports)
        if found is not None:
            made = replace(made, listing=replace(made.listing, slug=found.slug))
        out = AgentPutOut(
            success=True,
            action="created" if found is None else "updated",
            marketplace_id=made.listing.marketplace_id,
            remote_id=remote_id,
            slug=made.listing.slug,
            approval_status=made.listing.status,
            version=made.listing.version,
            material_changes=bool(made.changed),
        )
        reply = to_stored_reply(201 if found is None else 200, out)
        if ports.market.save_listing(made.listing, over=found, claim=context.claim, reply=reply):
            return found is None, out
        found = ports.market.find_listing(instance_id, remote_id)


def list_own(*, instance_id: str, market: Listings) -> AgentsOut:
    """List the instance's agents by their ids there. Store calls after authentication: 1; 1 more per megabyte."""
    listings = market.list_listings(instance_id)
    return AgentsOut(instance_id=instance_id, agents=list(map(to_listing_response, listings)), total=len(listings))


def read(remote_id: str, *, instance_id: str, market: Listings) -> AgentOut:
    """Return one of the instance's agents. Store calls after authentication: 1.

    Raises:
        NotFound: there is no such agent.
    """
    listing = market.find_listing(instance_id, remote_id)
    if listing is None:
        raise NotFound(_NO_AGENT)
    return AgentOut(success=True, agent=to_agent_response(listing))


def delete(remote_id: str, *, instance_id: str, context: RequestContext, market: Listings) -> AgentDeletedOut:
    """Delete one of the instance's agents. Store calls after authentication: 2; more if it changes meanwhile.

    Raises:
        NotFound: there is no such agent.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    out = AgentDeletedOut(success=True, deleted=True, remote_id=remote_id)
    attempts = Attempts("The agent is changed by too many requests at once. Try again.")
    while attempts.again():
        found = market.find_listing(instance_id, remote_id)
        if found is None:
            raise NotFound(_NO_AGENT)
        if market.remove_listing(found, claim=context.claim, reply=to_stored_reply(200, out)):
            return out


def review(
    marketplace_id: str,
    status: ListingStatus,
    *,
    reason: str | None,
    notice_id: str,
    revision: str,
    now: datetime,
    market: Listings,
    queue: JobAnnouncer[InstanceNoticeJob],
) -> Listing:
    """Set an agent's status, and notify its instance.

    Raises:
        NotFound: there is no such agent.
        Conflict: the agent has changed since it was read.
    """
    found = market.find_by_id(marketplace_id)
    if found is None:
        raise NotFound(f"No instance offers an agent {marketplace_id}.")
    at = timestamp(now)
    made = replace(found, status=status, reviewed_at=at, reason=reason, updated_at=at, revision=revision)
    notice = agent_notice(notice_id, made, at=at)
    if not market.save_listing(made, over=found, notice=notice):
        raise Conflict(f"The agent {marketplace_id} has changed meanwhile. Check it and try again.")
    queue.announce(InstanceNoticeJob(notice_id=notice_id))
    return made


def _find_participant(instance_id: str, instances: Instances) -> Instance:
    instance = instances.find(instance_id)
    if instance is None or not instance.marketplace_enabled:
        raise Forbidden("Your instance does not take part in the marketplace. Enable it with marketplace-link first.")
    return instance


def _parse_rows(rows: Sequence[Any], *, allow_loopback: bool) -> list[AgentRow | SyncRowOut]:
    parsed = [_row(row, allow_loopback=allow_loopback) for row in rows]
    last = {row.id: number for number, row in enumerate(parsed) if isinstance(row, AgentRow)}
    for number, row in enumerate(parsed):
        if isinstance(row, AgentRow) and last[row.id] != number:
            parsed[number] = failed_row(row.id, "skipped", "id: a later row of this batch has it, and counts instead")
    return parsed


def _row(row: Any, *, allow_loopback: bool) -> AgentRow | SyncRowOut:
    if not isinstance(row, dict):
        return failed_row(None, "error", "Must be an object")
    remote_id = row["id"][:200] if isinstance(row.get("id"), str) and row["id"] else None
    missing = [name for name in ("id", "name") if row.get(name) in (None, "")]
    if missing:
        return failed_row(remote_id, "skipped", f"{missing[0]}: is required")
    try:
        return AgentRow.model_validate_json(to_json(row), context={"allow_loopback": allow_loopback})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))[:200]
        reason = to_reason(first)
        return failed_row(remote_id, "error", f"{place}: {reason}" if place else reason)


def _saving(take: Callable[[list[int]], None], numbers: list[int]) -> Callable[[], None]:
    return lambda: take(numbers)


def _save_row(row: AgentRow, instance: Instance, found: Listing | None, *, at: str, ports: Ports) -> SyncRowOut:
    try:
        for _ in range(_ROUNDS):
            made = _new_change(row, row.id, instance, found, at=at, ports=ports)
            try:
                saved = ports.market.save_listing(made.listing, over=found)
            except SlugTaken:
                fallback = slug_candidates(instance, row.name)[1]
                made = replace(made, listing=replace(made.listing, slug=fallback))
                saved = ports.market.save_listing(made.listing, over=found)
            if saved:
                return created_row(made.listing) if found is None else updated_row(made, found)
            found = ports.market.find_listing(instance.instance_id, row.id)
    except Refusal as refusal:
        return failed_row(row.id, "error", refusal.detail)
    return failed_row(row.id, "error", "The agent is changed by too many requests at once. Send it again.")


def _new_change(
    given: AgentPut, remote_id: str, instance: Instance, found: Listing | None, *, at: str, ports: Ports
) -> ListingChange:
    details = listing_details(given, instance)
    if len(to_json(details)) > LARGEST_LISTING:
        raise Invalid(f"The details of an agent can have at most {LARGEST_LISTING} bytes of text.")
    revision = ports.new_revision()
    if found is not None:
        slug = found.slug if found.name == given.name else slug_candidates(instance, given.name)[0]
        change = update_listing(found, details, given.version, slug=slug, at=at)
        return replace(change, listing=replace(change.listing, revision=revision))
    made = Listing(
        marketplace_id=ports.new_id(),
        instance_id=instance.instance_id,
        remote_id=remote_id,
        slug=slug_candidates(instance, given.name)[0],
        status=ListingStatus.PENDING,
        version=given.version or FIRST_VERSION,
        details=details,
        changelog=(),
        created_at=at,
        updated_at=at,
        revision=revision,
    )
    return ListingChange(made, (), re_reviewed=False)


def _summed(instance_id: str, results: list[SyncRowOut]) -> SyncOut:
    synced = [row for row in results if row.status in ("created", "updated")]
    re_reviewed = sum(1 for row in synced if row.material_changes and row.previous_status is ListingStatus.ACTIVE)
    out = SyncOut(
        success=True,
        status="pending_review",
        instance_id=instance_id,
        synced=len(synced),
        re_reviewed=re_reviewed,
        total=len(results),
        results=results,
    )
    if re_reviewed:
        out.message = "Agents with material changes are hidden until the operator has approved them again."
    return out
