"""The precondition of what other desks send without a connection; its rule is in the admission of connections."""

from collections.abc import Mapping

from chalicelib.federation.connections.domain.federation_settings import FederationSettings
from chalicelib.federation.connections.services import admission
from chalicelib.federation.connections.stores.federation_settings import DynamoFederation
from chalicelib.settings import settings


def require_inbound() -> Mapping[str, FederationSettings]:
    """Refuse while this desk lets nothing in."""
    admission.admit_inbound(DynamoFederation(), base_url=settings().base_url)
    return {}


def require_inbound_settings() -> Mapping[str, FederationSettings]:
    """Refuse while this desk lets nothing in; otherwise pass the settings as the argument `federation`."""
    return {"federation": admission.admit_inbound(DynamoFederation(), base_url=settings().base_url)}
