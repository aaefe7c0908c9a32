"""The hub's side of a network: registration, heartbeats, participation and approval of instances."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from chalicelib.core.domain.callers import InstanceKey, PlatformToken
from chalicelib.core.domain.errors import Conflict, Forbidden, NotFound
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.ports import JobAnnouncer
from chalicelib.federation.connections.domain.connections import Proof
from chalicelib.federation.network.domain.instance_notices import InstanceNoticeJob, status_notice
from chalicelib.federation.network.domain.instances import (
    STALE_AFTER,
    HeartbeatIn,
    HeartbeatOut,
    Instance,
    InstanceStatus,
    LinkAction,
    LinkedOut,
    LinkIn,
    LinkStatusOut,
    NetworkStatsOut,
    OwnFeaturesOut,
)
from chalicelib.federation.network.services.challenges import Challenger
from chalicelib.federation.network.services.ports import Instances, Listings, Registrations, ReportedCounts

_NEXT_STEPS = [
    "Send your agents to the agentSync URL, at most 50 at a time.",
    "Each agent is offered once the operator of the network has approved it. A webhook tells you.",
    "Send a heartbeat every five minutes. Without heartbeats, your agents are hidden.",
]


@dataclass(frozen=True)
class Decision:
    """The ids and the time of an operator's decision: the nonce of the challenge, and the id of the notice."""

    nonce: str
    notice_id: str
    now: datetime


def heartbeat(
    body: HeartbeatIn | None,
    *,
    instance_id: str,
    now: datetime,
    instances: Instances,
    counts: ReportedCounts,
    gather: Callable[..., list[Any]],
) -> HeartbeatOut:
    """Record a heartbeat, and return the size of the network.

    Store calls in sequence after authentication: 1, or 3 if the instance was stale.

    Raises:
        NotFound: the instance no longer exists.
    """
    at = timestamp(now)
    report: dict[str, Any] = {"lastSeenAt": at, "lastSyncAt": at}
    if body is not None:
        given = body.model_dump(mode="json", by_alias=True, exclude_unset=True)
        if (status := given.pop("status", None)) is not None:
            given["health"] = status
        report |= given
    instance, stats, people, installed = gather(
        lambda: instances.save_heartbeat(instance_id, report, stale_at=timestamp(now + STALE_AFTER)),
        instances.find_network_stats,
        counts.count_people,
        counts.count_installed,
    )
    return HeartbeatOut(
        success=True,
        instance_id=instance_id,
        network_stats=NetworkStatsOut(
            total_users=people,
            total_agents=stats.agents_shown + installed,
            federated_instances=stats.instances,
        ),
        features=OwnFeaturesOut(
            marketplace=instance.marketplace_enabled,
            discovery=instance.discovery_enabled,
            updates=instance.updates_enabled,
        ),
    )


def owns_origin(caller: PlatformToken | InstanceKey | None, origin: str, *, instances: Instances) -> bool:
    """Whether the caller is the approved instance of this origin. Store calls: 2 for a caller, else none."""
    if caller is None:
        return False
    found = instances.find_by_url(origin)
    if found is None or not found.is_active:
        return False
    holders = {caller.instance_id} if isinstance(caller, PlatformToken) else caller.holders
    return found.instance_id in holders


def link(body: LinkIn, *, instance_id: str, context: RequestContext, instances: Instances) -> LinkedOut | LinkStatusOut:
    """Let the instance join or leave the marketplace, or return its status.

    Agents of an instance that has left are hidden, not deleted. Store calls after authentication: 1, or 2 for the
    status.

    Raises:
        NotFound: the instance no longer exists.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    if body.action is LinkAction.STATUS:
        instance = instances.find(instance_id)
        if instance is None:
            raise NotFound("There is no such instance.")
        return LinkStatusOut(
            success=True,
            instance_id=instance_id,
            instance_name=instance.name,
            marketplace_enabled=instance.marketplace_enabled,
            discovery_enabled=instance.discovery_enabled,
            updates_enabled=instance.updates_enabled,
            agent_count=instances.find_network_stats().agents.get(instance_id, 0),
            last_sync_at=instance.last_sync_at,
        )
    enabled = body.action is LinkAction.ENABLE
    made = LinkedOut(
        success=True,
        instance_id=instance_id,
        marketplace_enabled=enabled,
        message="Your approved agents are now offered on this network."
        if enabled
        else "Your agents are hidden. They appear again when you enable the marketplace.",
        next_steps=_NEXT_STEPS if enabled else [],
    )
    reply = {"status": 200, "body": made.model_dump(mode="json", by_alias=True)}
    instances.link(instance_id, enabled=enabled, at=timestamp(context.now), claim=context.claim, reply=reply)
    return made


def approve(
    instance_id: str,
    decision: Decision,
    *,
    instances: Instances,
    registrations: Registrations,
    queue: JobAnnouncer[InstanceNoticeJob],
    challenger: Challenger | None,
) -> Instance:
    """Approve an instance after it has proved, at its own URL, that it knows its key.

    Without a `challenger`, skip the proof. Other registrations of its address end.

    Raises:
        NotFound: there is no such instance.
        Forbidden: the instance did not prove it.
        Conflict: the instance has changed meanwhile, or another has confirmed the address.
    """
    found = _require_instance(instance_id, instances, decision.now)
    made = replace(found, status=InstanceStatus.ACTIVE)
    if challenger is not None:
        key = instances.key_of(instance_id)
        answer = challenger.ask(found, decision.nonce, key=key)
        if answer.error is not None:
            raise Forbidden(
                f"{found.base_url} did not answer the challenge: {answer.error}."
                " If you know the instance by other means, approve it --without-challenge."
            )
        made = replace(made, confirmed_by=Proof.CALLBACK)
    return _decided(found, made, decision, instances=instances, registrations=registrations, queue=queue)


def suspend(
    instance_id: str,
    decision: Decision,
    *,
    instances: Instances,
    registrations: Registrations,
    queue: JobAnnouncer[InstanceNoticeJob],
) -> Instance:
    """Suspend an instance: its token and key stop working and its agents are hidden until it is approved again.

    Raises:
        NotFound: there is no such instance.
        Conflict: the instance has changed meanwhile.
    """
    found = _require_instance(instance_id, instances, decision.now)
    made = replace(found, status=InstanceStatus.SUSPENDED)
    return _decided(found, made, decision, instances=instances, registrations=registrations, queue=queue)


class _Blocks(Protocol):
    def block(self, origin: str, *, blocked: bool) -> None: ...


def block_origin(
    origin: str,
    decision: Decision,
    *,
    federation: _Blocks,
    instances: Instances,
    registrations: Registrations,
    queue: JobAnnouncer[InstanceNoticeJob],
) -> Instance | None:
    """Block the desk at a canonical origin, and suspend its instance. Returns it, or None without an active one.

    Raises:
        Conflict: the instance has changed meanwhile. The desk is blocked all the same.
    """
    federation.block(origin, blocked=True)
    found = instances.find_by_url(origin)
    if found is None or not found.is_active:
        return None
    return suspend(found.instance_id, decision, instances=instances, registrations=registrations, queue=queue)


def remove(instance_id: str, *, instances: Instances, listings: Listings) -> Instance:
    """Delete an instance that is not active, with its token and its agents. A repeat ends what was begun.

    Of a suspended one the address stays cut: it is blocked from then on.

    Raises:
        NotFound: there is no such instance.
        Conflict: the instance is active, or has changed meanwhile.
    """
    found = instances.find(instance_id)
    if found is None:
        raise NotFound(f"There is no instance {instance_id}.")
    if found.is_active:
        raise Conflict("The instance is active. Suspend it first.")
    for each in listings.list_listings(instance_id):
        listings.remove_listing(each, claim=None, reply={})
    if not instances.remove(found, holder=instances.find_by_url(found.base_url)):
        raise Conflict(f"The instance {found.instance_id} has changed meanwhile. Check it and try again.")
    return found


def _require_instance(instance_id: str, instances: Instances, now: datetime) -> Instance:
    found = instances.find(instance_id)
    if found is None or found.has_lapsed(now):
        raise NotFound(f"There is no instance {instance_id}.")
    return found


def _check_claim(found: Instance, holder: Instance | None) -> None:
    """Refuse to give an address to who only claims it while another has it.

    Raises:
        Conflict: another instance was approved there, or has confirmed the address.
    """
    if holder is None or holder.instance_id == found.instance_id:
        return
    if not holder.is_pending or (holder.is_confirmed and not found.is_confirmed):
        raise Conflict(
            f"{found.base_url} belongs to the instance {holder.instance_id}, which confirmed it or was approved."
        )


def _decided(
    found: Instance,
    made: Instance,
    decision: Decision,
    *,
    instances: Instances,
    registrations: Registrations,
    queue: JobAnnouncer[InstanceNoticeJob],
) -> Instance:
    if found.status is made.status:
        return found
    status = made.status
    holder = instances.find_by_url(found.base_url)
    _check_claim(made, holder)
    notice = status_notice(decision.notice_id, found.instance_id, str(status), at=timestamp(decision.now))
    if not instances.set_status(made, over=found, notice=notice, holder=holder):
        raise Conflict(f"The instance {found.instance_id} has changed meanwhile, or its address is blocked.")
    if found.is_pending:
        registrations.drop_claims(found.base_url)
    queue.announce(InstanceNoticeJob(notice_id=notice.notice_id))
    return made
