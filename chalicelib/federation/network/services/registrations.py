"""Registering the instances of a network at this desk, its hub."""

import hmac
from dataclasses import replace
from typing import Any

from pydantic_core import to_json

from chalicelib.core.domain.addresses import network_of
from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.errors import Forbidden
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.guesses import can_be_guessed
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.ports import Gather
from chalicelib.core.services.guesses import Guesses, Trial, try_credential
from chalicelib.federation.connections.domain.federation_settings import FederationSettings
from chalicelib.federation.connections.services.admission import admit_registration
from chalicelib.federation.network.domain.instances import (
    FeaturesOut,
    Instance,
    InstanceStatus,
    RegisteredOut,
    RegisterIn,
    endpoints,
    hash_of,
)
from chalicelib.federation.network.services.ports import Instances
from chalicelib.ids import MintedToken


def register(
    body: RegisterIn,
    token: MintedToken,
    *,
    instance_id: str,
    base_url: str,
    most_an_hour: int,
    context: RequestContext,
    instances: Instances,
    settings: FederationSettings,
    guesses: Guesses,
    gather: Gather,
) -> RegisteredOut:
    """Register an instance; if it is registered already, replace its platform token.

    A repeated registration keeps the id and the status. `settings` are those of this desk's federation. Store calls in
    sequence: 2, or 3 for a repeated one; more for simultaneous registrations of one instance.

    Raises:
        Forbidden: the instance is registered with another key, or its address is blocked.
        RateLimited: `most_an_hour` new instances have registered in this hour, or their share from this network
            address; or there were too many wrong keys.
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
    attempts = Attempts("The instance is registered by too many requests at once. Try again.")
    while attempts.again():
        found = try_credential(
            trial,
            lambda: instances.find_by_url(body.base_url),
            lambda seen: seen is not None and hmac.compare_digest(seen.key_hash, key_hash),
            guesses=guesses,
            gather=gather,
            is_guess=lambda seen: seen is not None and not seen.has_lapsed(now),
        )
        lapsed = found if found is not None and found.has_lapsed(now) else None
        if found is None or lapsed is not None:
            made = Instance(
                instance_id=instance_id,
                base_url=body.base_url,
                status=InstanceStatus.PENDING,
                key_hash=key_hash,
                token_hash=token.secret_hash,
                registered_at=timestamp(now),
                capabilities=capabilities,
                **reported,
            )
            if instances.add(
                made, token, body.api_key, most_an_hour=most_an_hour, network=network, now=now, over=lapsed
            ):
                return _registered(made, token, base_url)
            continue
        if not hmac.compare_digest(found.key_hash, key_hash):
            raise Forbidden("An instance with this baseUrl is registered with another apiKey.")
        made = replace(found, **reported, capabilities=capabilities or found.capabilities)
        if instances.renew(made, token, over=found):
            return _registered(made, token, base_url)


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
