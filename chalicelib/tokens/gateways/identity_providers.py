"""Calls to providers of identities: what they publish, and what a code stands for."""

import base64
import json
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus, urlencode

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from chalicelib.core.domain.http_results import HttpResult, json_object
from chalicelib.core.gateways import http
from chalicelib.tokens.domain.identity_providers import (
    ALGORITHMS,
    Discovery,
    Provider,
    SignInError,
    SignInRefused,
    Tokens,
    read_discovery,
)

_JSON = {"Accept": "application/json"}


class HttpIdentityProviders:
    def discover(self, provider: Provider, *, now: datetime) -> Discovery:
        """Read what a provider publishes, and its keys. Two calls.

        Raises:
            SignInRefused: it can't be reached, or publishes something else.
        """
        found = read_discovery(
            _read(http.get(f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration", _JSON)), provider.issuer
        )
        return Discovery(**found, keys=_read(http.get(found["jwks_uri"], _JSON)), read_at=int(now.timestamp()))

    def exchange(
        self, provider: Provider, discovery: Discovery, secret: str, *, code: str, verifier: str, redirect_uri: str
    ) -> Tokens:
        """Return the tokens that a code stands for (RFC 6749, 4.1.3). One call.

        Raises:
            SignInRefused: the provider can't be reached, or refuses the code.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "client_id": provider.client_id,
            "code_verifier": verifier,
        }
        headers = _JSON | {"Content-Type": "application/x-www-form-urlencoded"}
        if discovery.takes_secret_in_body:
            form["client_secret"] = secret
        else:
            pair = f"{quote_plus(provider.client_id)}:{quote_plus(secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        answer = _read(http.post_and_read(discovery.token_endpoint, urlencode(form).encode(), headers))
        if not isinstance(token := answer.get("id_token"), str):
            raise SignInRefused(SignInError.INVALID, "the provider's answer has no ID token")
        return Tokens(token, str(answer.get("access_token") or ""))

    def read_user_info(self, discovery: Discovery, access_token: str) -> dict[str, Any]:
        """Return what a provider says of a person beside the ID token (OpenID Connect Core 1.0, 5.3). One call.

        Raises:
            SignInRefused: the provider can't be reached, or refuses.
        """
        assert discovery.user_info_endpoint is not None
        headers = _JSON | {"Authorization": f"Bearer {access_token}"}
        return _read(http.get(discovery.user_info_endpoint, headers))


def verify_token(token: str, discovery: Discovery) -> dict[str, Any]:
    """Return the claims of an ID token that one of the provider's keys signed.

    Raises:
        LookupError: none of the keys has the id that the token names; the provider may have new ones.
        SignInRefused: the signature is wrong, or made by another algorithm.
    """
    try:
        keys = KeySet.import_key_set(json.loads(json.dumps(discovery.keys)))
        if not _names_one_of(token, keys):
            raise LookupError
        return dict(jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        if type(error) is KeyError:
            raise SignInRefused(SignInError.INVALID, "the provider's keys can't be read") from error
        raise SignInRefused(SignInError.INVALID, f"the ID token was refused: {type(error).__name__}") from error


def _names_one_of(token: str, keys: KeySet) -> bool:
    head = json_object(base64.urlsafe_b64decode(token.partition(".")[0] + "=="))
    return "kid" not in head or any(key.kid == head["kid"] for key in keys.keys)


def _read(result: HttpResult) -> dict[str, Any]:
    if result.error is None:
        return json_object(result.body)
    # A refusal says why, in a member that is safe to log (RFC 6749, 5.2).
    if result.status == 400:  # noqa: PLR2004
        raise SignInRefused(SignInError.EXPIRED, f"the provider {result.error}")
    raise SignInRefused(SignInError.UNREACHABLE, f"the provider: {result.error}")
