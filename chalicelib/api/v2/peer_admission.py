"""The gates of the operations that other desks call; the rules are in federation.connections.services.admission."""

from datetime import datetime

from chalicelib.api.v2.contract import V2
from chalicelib.core.domain.budgets import Charge, SpendResult
from chalicelib.core.domain.callers import InstanceKey, PlatformToken
from chalicelib.core.domain.errors import Forbidden, RateLimited, Unauthorized
from chalicelib.core.domain.requests import RawRequest
from chalicelib.core.stores.guesses import DynamoGuesses
from chalicelib.edge.auth import CALLER_TYPES, find_token
from chalicelib.federation.connections.domain.connections import Connection
from chalicelib.federation.connections.services.admission import Admission, AdmittedRelay, AdmittedStranger
from chalicelib.federation.connections.services.admission import admit_stranger as admit_by_settings
from chalicelib.federation.connections.signatures import refuse_signature
from chalicelib.federation.connections.stores.connection_budgets import DynamoConnectionBudgets
from chalicelib.federation.connections.stores.connection_rows import token_hash
from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.federation.connections.stores.federation_settings import DynamoFederation
from chalicelib.federation.connections.stores.peer_keys import DynamoPeerKeys
from chalicelib.parallel import gather
from chalicelib.settings import settings


def admit_stranger(sent: RawRequest) -> AdmittedStranger:
    """Admit a connection request."""
    return admit_by_settings(sent, DynamoFederation(), base_url=settings().base_url, identify=_identify)


def admit_new_relay(sent: RawRequest) -> AdmittedRelay:
    """Admit a relay."""
    return _admission().admit_new_relay(sent)


def admit_relay(sent: RawRequest) -> Connection:
    """Admit what is about a relay, such as an acknowledgement."""
    return _admission().admit_relay(sent)


def admit_confirmation(sent: RawRequest) -> Connection:
    """Admit a message that a request of this desk was accepted."""
    return _admission().admit_confirmation(sent)


def admit_end(sent: RawRequest) -> Connection:
    """Admit a message that a request or a connection has ended."""
    return _admission().admit_end(sent)


def _identify(sent: RawRequest) -> PlatformToken | InstanceKey | None:
    """Find the instance whose token or key the request shows. A credential that is not accepted proves nothing."""
    try:
        token = find_token(sent.headers, "Authorization", (PlatformToken, InstanceKey), sent.method)
        if CALLER_TYPES[token.kind] not in (PlatformToken, InstanceKey):
            return None
        admission = V2.tokens.spend(token, Charge(), now=sent.now, address=sent.address)
    except (Unauthorized, Forbidden, RateLimited):
        return None
    if admission.refused:
        raise admission.refused
    caller = admission.caller
    return caller if isinstance(caller, PlatformToken | InstanceKey) else None


def _admission() -> Admission:
    return Admission(
        settings=DynamoFederation(),
        connections=DynamoConnections(),
        peer_keys=DynamoPeerKeys(),
        spend=_spend,
        refuse_signature=refuse_signature,
        base_url=settings().base_url,
        guesses=DynamoGuesses(),
        gather=gather,
    )


def _spend(token: str, *, now: datetime) -> SpendResult | None:
    return DynamoConnectionBudgets().spend(token_hash(token), now=now)
