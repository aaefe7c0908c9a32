"""Receiving the events of hubs."""

import logging
from datetime import datetime

from chalicelib.agents.services.ports import Agents
from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.idempotency import to_stored_reply
from chalicelib.core.domain.requests import RequestContext
from chalicelib.federation.network.domain.hub_events import AGENT_STATUSES, HubEvent, HubEventIn, HubEventOut

log = logging.getLogger("fluxden")


def receive(event: HubEventIn, *, context: RequestContext, agents: Agents) -> HubEventOut:
    """Take a hub's event. Store calls after authentication: 2 for an agent of this desk, 1 for an unknown one, else 0.

    Only agents of this desk can change. An instance can't decide on agents that others offer here.

    Raises:
        Invalid: the event lacks a member, or its status is not known.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    match event.event:
        case HubEvent.AGENT_APPROVAL:
            return _agent(event, context=context, agents=agents)
        case HubEvent.CAPABILITY_APPROVAL:
            _required(event.capability_id, "capabilityId")
            _required(event.status, "status")
            return HubEventOut(
                received=True,
                event=event.event,
                capability_id=event.capability_id,
                warning="This desk has no such capability.",
            )
        case HubEvent.INSTANCE_STATUS:
            status = _required(event.status, "status")
            log.info("a hub says of this desk: %s", ascii(status))
            return HubEventOut(
                received=True,
                event=event.event,
                status=status,
                message="Noted.",
                processed_at=_at(context.now),
            )
    return HubEventOut(
        received=True,
        event=event.event,
        message="The event is not known here, and was ignored.",
        warnings=["event: is not in the contract; ignored"],
    )


def _agent(event: HubEventIn, *, context: RequestContext, agents: Agents) -> HubEventOut:
    agent_id, wanted_status = _required(event.agent_id, "agentId"), _required(event.status, "status")
    if (status := AGENT_STATUSES.get(wanted_status)) is None:
        reason = f"Must be one of {', '.join(AGENT_STATUSES)}"
        raise Invalid(f"status: {reason}", {"status": [reason]})
    known = agents.list_agents()
    wanted = [each for each in known if each.agent_id == agent_id] or [each for each in known if each.slug == agent_id]
    if wanted:
        found = wanted[0]
        out = HubEventOut(
            received=True,
            event=event.event,
            agent_id=agent_id,
            name=found.name,
            previous_status=str(found.status),
            new_status=str(status),
            reason=event.reason,
            processed_at=_at(context.now),
        )
        if agents.set_status(found.slug, status, claim=context.claim, reply=to_stored_reply(200, out)):
            return out
    return HubEventOut(
        received=True, event=event.event, agent_id=agent_id, warning="This desk has no such agent of its own."
    )


def _required(value: str | None, name: str) -> str:
    if value is None:
        raise Invalid(f"{name}: is required", {name: ["is required"]})
    return value


def _at(now: datetime) -> str:
    return timestamp(now)
