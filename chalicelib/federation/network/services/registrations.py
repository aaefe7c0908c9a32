"""Registering the instances of a network at this desk, its hub."""

import hmac
from dataclasses import dataclass, replace
from typing import Any

from pydantic_core import to_json

from chalicelib.core.domain.addresses import network_of
from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.errors import Forbidden
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.guesses import can_be_guessed
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.ports import Gather, JobAnnouncer
from chalicelib.core.services.guesses import Guesses, Trial, try_credential
from chalicelib.federation.connections.domain.federation_settings import FederationSettings
from chalicelib.federation.connections.services.admission import admit_registration
from chalicelib.federation.network.domain.instance_notices import InstanceNoticeJob, registration_notice
from chalicelib.federation.network.domain.instances import (
    FeaturesOut,
    Instance,
    InstanceStatus,
    RegisteredOut,
    RegisterIn,
    endpoints,
    hash_of,
)
from chalicelib.federation.network.services.ports import Registrations
from chalicelib.ids import MintedToken


@dataclass(frozen=True)
class NewRegistration:
    """Fresh ids for a registration and its notice, and its token."""

    instance_id: str
    notice_id: str
    token: MintedToken


@dataclass(frozen=True)
class Ports:
    """The ports of a registration. Without `queue` nobody asks the desk at the registered address."""

    registrations: Registrations
    guesses: Guesses
    gather: Gather
    queue: JobAnnouncer[InstanceNoticeJob] | None


def register(
    body: RegisterIn,
    new: NewRegistration,
    *,
    base_url: str,
    most_an_hour: int,
    context: RequestContext,
    settings: FederationSettings,
    ports: Ports,
) -> RegisteredOut:
    """Register an instance; if it is registered with this key already, replace its platform token.

    A repeated registration keeps the id and the status. Until an operator decides, several instances may claim one
    address. The desk there is asked, and the one that it confirms gets the address. `settings` are those
    of this desk's federation. Store and queue calls in sequence: 3, also for a repeated one; more for simultaneous
    registrations of one instance.

    Raises:
        Forbidden: the instance was approved or suspended with another key, or its address is blocked.
        RateLimited: `most_an_hour` new instances have registered in this hour, or their share from this network
            address or for this host; or there were too many wrong keys.
        Unavailable: the instance is registered by too many calls at once, or this desk has no key to seal secrets with.
    """
    admit_registration(settings, body.base_url)
    now, network, key_hash = context.now, network_of(context.address), hash_of(body.api_key)
    target = f"registration of {body.base_url}"
    trial = Trial(network, target, key_hash, can_be_guessed(body.api_key), now, is_noted=False)
    reported: dict[str, Any] = {
        "name": body.name,
        "version": body.version,
        "user_count": body.user_count,
        "agent_count": body.agent_count,
    }
    capabilities = None if body.capabilities is None else to_json(body.capabilities).decode()
    token = new.token
    attempts = Attempts("The instance is registered by too many requests at once. Try again.")
    while attempts.again():
        claims = try_credential(
            trial,
            lambda: ports.registrations.find(body.base_url, key_hash),
            lambda seen: seen.holder is not None and hmac.compare_digest(seen.holder.key_hash, key_hash),
            guesses=ports.guesses,
            gather=ports.gather,
            is_guess=lambda seen: seen.is_decided,
        )
        found = claims.registered_with(key_hash)
        if claims.is_decided and found is not claims.holder:
            raise Forbidden("An instance with this baseUrl is registered with another apiKey.")
        if found is None or found.has_lapsed(now):
            made = Instance(
                instance_id=new.instance_id,
                base_url=body.base_url,
                status=InstanceStatus.PENDING,
                key_hash=key_hash,
                token_hash=token.secret_hash,
                registered_at=timestamp(now),
                capabilities=capabilities,
                **reported,
            )
            if _add(made, body.api_key, new, found, most_an_hour=most_an_hour, context=context, ports=ports):
                return _registered(made, token, base_url)
            continue
        made = replace(found, **reported, capabilities=capabilities or found.capabilities)
        if ports.registrations.renew(made, token, over=found):
            return _registered(made, token, base_url)


def _add(
    made: Instance,
    key: str,
    new: NewRegistration,
    lapsed: Instance | None,
    *,
    most_an_hour: int,
    context: RequestContext,
    ports: Ports,
) -> bool:
    notice = None
    if ports.queue is not None:
        notice = registration_notice(new.notice_id, made.instance_id, at=timestamp(context.now))
    added = ports.registrations.add(
        made,
        key,
        most_an_hour=most_an_hour,
        network=network_of(context.address),
        now=context.now,
        notice=notice,
        over=lapsed,
    )
    if added and notice is not None and ports.queue is not None:
        ports.queue.announce(InstanceNoticeJob(notice_id=notice.notice_id))
    return added


def _registered(instance: Instance, token: MintedToken, base_url: str) -> RegisteredOut:
    return RegisteredOut(
        success=True,
        instance_id=instance.instance_id,
        platform_token=token.text,
        status="active" if instance.is_active else "pending_approval",
        registered_at=instance.registered_at,
        endpoints=endpoints(base_url),
        features=FeaturesOut(discovery=True, updates=True, marketplace=True, relay=True),
        message="Your instance is a member of the network."
        if instance.is_active
        else "Your token works once the operator of the network has approved your instance.",
    )
