"""Find the token of a request, and check what its bearer may call."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from chalicelib.core.domain.budgets import Charge
from chalicelib.core.domain.callers import (
    ApiKey,
    Caller,
    InstanceKey,
    PersonalToken,
    PlatformToken,
    ScimToken,
    Session,
    ToolsToken,
)
from chalicelib.core.domain.errors import Forbidden, Unauthorized
from chalicelib.edge.same_origin import check_same_origin
from chalicelib.ids import (
    CredentialKind,
    InstanceCredential,
    PresentedToken,
    SignInSecret,
    TokenKind,
    instance_key,
    parse_sign_in_secret,
    parse_token,
)
from chalicelib.tokens.domain.sessions import find_cookie
from chalicelib.tokens.domain.tokens import Admission


class TokenBudgets(Protocol):
    def spend(
        self,
        token: PresentedToken,
        charge: Charge,
        *,
        now: datetime,
        address: str | None = None,
        is_accepted: bool = True,
    ) -> Admission: ...
    def refund(self, token: PresentedToken, charge: Charge, *, now: datetime) -> None: ...


class Operators(Protocol):
    def is_operator(self, user_id: str) -> bool: ...


CALLER_TYPES: dict[CredentialKind, type[Caller]] = {
    TokenKind.PERSONAL: PersonalToken,
    TokenKind.TOOLS: ToolsToken,
    TokenKind.SCIM: ScimToken,
    TokenKind.KEY: ApiKey,
    SignInSecret.SESSION: Session,
    InstanceCredential.PLATFORM: PlatformToken,
    InstanceCredential.INSTANCE: InstanceKey,
}
_NAMES: dict[type[Caller], str] = {
    PersonalToken: "a personal token (flux-in-pers-…)",
    ToolsToken: "a tools token (flux-tools-…)",
    ScimToken: "a SCIM token (flux-scim-…)",
    ApiKey: "an API key (dvd_…)",
    Session: "a person who signed in with a browser",
    PlatformToken: "a platform token (dvd_fed_…)",
    InstanceKey: "an instance key",
}


def find_token(
    headers: Mapping[str, str], header: str, allowed: tuple[type[Caller], ...], method: str
) -> PresentedToken:
    """Read the token in `header`: a bearer token in `Authorization`, in any other header a bare instance key.

    Where people may call, and there is no token, the session in the cookie counts. Names of `headers` are in lower
    case.

    Raises:
        Unauthorized: the token is missing or malformed.
        Forbidden: a page of another origin sent the request, with the person's cookie.
    """
    text, token = headers.get(header.lower(), "").strip(), None
    if not text and any(issubclass(each, ApiKey) for each in allowed) and (cookie := find_cookie(headers)):
        token = parse_sign_in_secret(SignInSecret.SESSION, cookie)
        if token is None:
            raise Unauthorized("This session has ended. Sign in again.")
        check_same_origin(headers, method)
        return token
    if header == "Authorization":
        scheme, _, text = text.partition(" ")
        text = text.strip() if scheme.lower() == "bearer" else ""
        token = parse_token(text)
    # An instance key may be any text, so where one is accepted no text is malformed.
    if token is None and text and InstanceKey in allowed:
        token = instance_key(text)
    if token is None:
        raise Unauthorized(
            "Missing or invalid bearer token." if header == "Authorization" else f"The header {header} is missing."
        )
    return token


def is_accepted(token: PresentedToken, allowed: tuple[type[Caller], ...]) -> bool:
    """Whether a token of this kind can be of one of these callers."""
    return issubclass(CALLER_TYPES[token.kind], allowed)


def check_caller(caller: Caller, allowed: tuple[type[Caller], ...], permission: str, hint: str) -> None:
    """Refuse a caller with another kind of token, or with a key that lacks the permission.

    Raises:
        Forbidden: the caller has; the detail names what is needed, and the hint.
    """
    if not isinstance(caller, allowed):
        wanted = " or ".join(_NAMES[kind] for kind in allowed)
        raise Forbidden(f"This operation needs {wanted}. {hint}".strip())
    if isinstance(caller, ApiKey) and not caller.has_permission(permission):
        raise Forbidden(f"The key lacks the permission '{permission}'.")


def check_admin(caller: Caller) -> None:
    """Refuse every caller but a tools token of the administrators.

    Raises:
        Forbidden: the caller has another token.
    """
    if not (isinstance(caller, ToolsToken) and caller.admin):
        raise Forbidden("This operation needs a tools token of the organisation's administrators.")


def check_operator(caller: Caller, operators: Operators) -> None:
    """Refuse every caller but a key of a person who operates this desk. Store calls: 1 for a key.

    Raises:
        Forbidden: the caller is another.
    """
    if not (isinstance(caller, ApiKey) and operators.is_operator(caller.user_id)):
        raise Forbidden("This operation needs an API key of an operator of this desk.")
