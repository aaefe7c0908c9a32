"""What the operations of a document share: parameters, headers, refusals and security schemes."""

from collections.abc import Iterable
from typing import Any

from chalicelib.api.mcp.contract import MCP
from chalicelib.core.domain import errors
from chalicelib.core.domain.callers import (
    ApiKey,
    InstanceKey,
    PersonalToken,
    PlatformToken,
    ScimToken,
    Session,
    ToolsToken,
)
from chalicelib.edge.parsing import IDEMPOTENCY_KEY, LONGEST_IDEMPOTENCY_KEY
from chalicelib.edge.route import Route
from chalicelib.federation.connections.domain.handshake import TOKEN_HEADER, FederationHeaders
from chalicelib.tokens.domain.sessions import COOKIE
from infra import tables
from infra.editions import Edition
from infra.openapi_schemas import BLOCKERS, RATE_LIMIT_STATE, reference
from infra.schemas import RPC_ERROR

TOKEN_KINDS = {
    PersonalToken: "`flux-in-pers-…`: a personal token, with which an employee publishes as one integrator.",
    ToolsToken: "`flux-tools-…`: a tools token of an integrator.",
    ScimToken: "`flux-scim-…`: a SCIM token of a company's directory.",
    ApiKey: "`dvd_…`: an API key of a person.",
    PlatformToken: "`dvd_fed_…`: a platform token, issued to an instance when it registers.",
    Session: "the session of a person who signed in with a browser: its cookie.",
    InstanceKey: "the key that an approved instance registered with: any text.",
}
LIMIT_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
# Operations that need no credentials, and refuse other things with 401.
_FOR_EVERYBODY = {"sign_in"}
# Operations of instances for which the contract names the bearer scheme in another way.
_INSTANCES_BEARER = {
    "delete_synced_agent",
    "get_synced_agent",
    "get_prompt_groups",
    "list_synced_agents",
    "put_synced_agent",
    "sync_agents",
    "validate_payment",
}
_WHOLE = {"type": "integer", "minimum": 0}
_TEXT = {"type": "string"}
_HEADERS = {
    "X-Request-Id": ("Id of the request: the one that you sent, or a new one.", _TEXT),
    "X-RateLimit-Limit": ("Rate units per minute.", _WHOLE),
    "X-RateLimit-Remaining": ("Rate units left in this minute.", _WHOLE),
    "X-RateLimit-Reset": ("Time at which the next minute begins, in epoch seconds.", _WHOLE),
    "Retry-After": ("Seconds to wait before you try again.", _WHOLE),
    "Deprecation": ("Time at which the token was superseded (RFC 9745).", _TEXT),
    "Sunset": ("Time at which a superseded token stops working (RFC 8594).", _TEXT),
    "Cache-Control": ("How long the response can be cached.", _TEXT),
    "ETag": ("Version of the response. Send it as If-None-Match to check whether it has changed.", _TEXT),
    "Idempotent-Replayed": ("`true` if an earlier response is repeated.", _TEXT),
}
_PARAMETERS: dict[str, dict[str, Any]] = {
    "IdempotencyKeyHeader": {
        "name": IDEMPOTENCY_KEY,
        "description": "A repeated request with the same key and body within 24 hours changes nothing and returns the "
        "first response. The same key with another body is a conflict.",
        "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_IDEMPOTENCY_KEY},
    },
    "IfNoneMatchHeader": {
        "name": "If-None-Match",
        "description": "ETag of a response that you have. You get 304 without a body if nothing has changed.",
        "schema": _TEXT,
    },
    "RequestIdHeader": {
        "name": "X-Request-Id",
        "description": "Your own id for this request. It is returned in the response and written to the logs.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,120}$"},
    },
}
# The name of the response that each kind of refusal gets, and its text where the title does not say it.
_REFUSALS: dict[type[errors.Refusal], tuple[str, str]] = {
    errors.Invalid: (
        "ValidationFailed",
        "The request does not fit the schema, or breaks another rule, which the error names.",
    ),
    errors.Unauthorized: ("Unauthorized", "There is no token, or it is malformed, unknown, disabled or revoked."),
    errors.Forbidden: ("Forbidden", "The token is valid, but does not permit this."),
    errors.NotFound: ("NotFound", "Not found, or you don't have access to it."),
    errors.MethodNotAllowed: ("MethodNotAllowed", "The path has no such method."),
    errors.Conflict: (
        "Conflict",
        "The present state does not allow it, the list has no more room, or the Idempotency-Key is in use.",
    ),
    errors.IdempotencyConflict: (
        "IdempotencyConflict",
        "The Idempotency-Key was used with another body, a call is still in progress, or a list has no more room.",
    ),
    errors.ItemInUse: ("CatalogItemInUse", "The item is in use, or the Idempotency-Key was used with another body."),
    errors.PreconditionFailed: ("PreconditionFailed", "The resource is not in the version that If-Match names."),
    errors.TooLarge: (
        "TooLarge",
        "The body has more than 262,144 bytes, or as many as the operation takes.",
    ),
    errors.UnsupportedMediaType: ("UnsupportedMediaType", "The body is not sent as `application/json`."),
    errors.RateLimited: ("RateLimited", "The budget of the minute or the day is used up."),
    errors.Unavailable: ("Unavailable", "A store did not answer in time. The same request may succeed soon."),
}
# The tables whose rows DynamoDB counts by partition key, up to 10 GB.
_LISTS = {each.table for each in tables.DEFINITIONS if any(index.is_local for index in each.indexes)}
_WRITES = {f"dynamodb:{action}" for action in ("PutItem", "UpdateItem", "BatchWriteItem")}


def takes_federation_token(route: Route) -> bool:
    return route.token_header == TOKEN_HEADER or route.annotations.get("headers") is FederationHeaders


def security_of(route: Route) -> list[dict[str, list[str]]] | None:
    """Return the security of an operation; None where it is the document's."""
    if takes_federation_token(route):
        return [{"FederationToken": []}]
    if route.__name__ in _INSTANCES_BEARER:
        return [{"bearerAuth": []}]
    if Session in route.callers:
        return [{"SessionCookie": []}]
    if route.__name__ in _FOR_EVERYBODY:
        return []
    if route.caller_is_optional or not (route.callers or errors.Unauthorized in route.refusals):
        return []
    return None


def takes_input(route: Route) -> bool:
    """Say whether a request for this operation can be invalid."""
    has_parts = not route.annotations.keys().isdisjoint({"body", "query", "headers", "admitted"})
    return has_parts or route.checks_request_id or route.accepts_idempotency_key


def may_fill_a_list(route: Route) -> bool:
    """Whether the operation writes to a list of a person, which can be full."""
    return any(each.resource in _LISTS and each.action in _WRITES for each in route.grants)


def refusal_kinds(route: Route) -> list[type[errors.Refusal]]:
    """Return the refusals of an operation, one for each status: the most general one."""
    kinds: set[type[errors.Refusal]] = {*route.refusals}
    if takes_input(route):
        kinds.add(errors.Invalid)
    if route.callers:
        kinds.add(errors.RateLimited)
        kinds |= set() if route.caller_is_optional else {errors.Unauthorized, errors.Forbidden}
    if route.callers or route.grants:
        kinds.add(errors.Unavailable)
    if "body" in route.annotations:
        kinds.add(errors.UnsupportedMediaType)
    if "{" in route.path:
        kinds.add(errors.NotFound)
    if may_fill_a_list(route) and not any(issubclass(each, errors.Conflict) for each in kinds):
        kinds.add(errors.Conflict)
    # A more special kind comes first, and is replaced.
    ordered = sorted(kinds, key=lambda kind: len(kind.__mro__), reverse=True)
    by_status = {route.family.status_of(kind): kind for kind in ordered}
    return [kind for _, kind in sorted(by_status.items())]


def refusal_response(route: Route, kind: type[errors.Refusal]) -> dict[str, Any]:
    """Return the response of one kind of refusal: a reference, except for the errors of JSON-RPC."""
    known = next(each for each in kind.__mro__ if each in _REFUSALS)
    if route.family is MCP:
        return _response(known, MCP.error_type, reference("RpcError"))
    return {"$ref": f"#/components/responses/{_REFUSALS[known][0]}"}


def headers(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def parameter(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/parameters/{name}"}


def components(edition: Edition, routes: list[Route]) -> dict[str, Any]:
    """Return the shared parts of a document except the schemas of its operations, which are in `schemas`."""
    kinds = {_known(kind) for route in routes if route.family is not MCP for kind in refusal_kinds(route)}
    return {
        "securitySchemes": _security_schemes(edition, routes),
        "parameters": {name: {**each, "in": "header", "required": False} for name, each in _PARAMETERS.items()},
        "headers": {name: {"description": text, "schema": schema} for name, (text, schema) in _HEADERS.items()},
        "responses": {
            _REFUSALS[kind][0]: _response(kind, edition.family.error_type, _error_schema(edition, kind))
            for kind in sorted(kinds, key=lambda kind: (edition.family.status_of(kind), kind.__name__))
        },
    }


def shared_schemas(edition: Edition) -> dict[str, Any]:
    """Return the schemas of errors, and those that the contract has beside its operations."""
    made: dict[str, Any] = {
        edition.error: edition.error_schema,
        "RpcError": RPC_ERROR,
        "CatalogItemDeleteBlockers": BLOCKERS,
    }
    return made | ({"RateLimitState": RATE_LIMIT_STATE} if edition.file.stem == "v1" else {})


def _known(kind: type[errors.Refusal]) -> type[errors.Refusal]:
    return next(each for each in kind.__mro__ if each in _REFUSALS)


def _response(kind: type[errors.Refusal], media_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    names = ["X-Request-Id", *(LIMIT_HEADERS if kind is errors.RateLimited else [])]
    names += ["Retry-After"] if kind in (errors.RateLimited, errors.Unavailable) else []
    content = {media_type: {"schema": schema}}
    return {"description": _REFUSALS[kind][1], "headers": headers(names), "content": content}


def _error_schema(edition: Edition, kind: type[errors.Refusal]) -> dict[str, Any]:
    error = reference(edition.error)
    if kind is not errors.ItemInUse:
        return error
    return {"allOf": [error, {"type": "object", "properties": {"blockers": reference("CatalogItemDeleteBlockers")}}]}


def _security_schemes(edition: Edition, routes: list[Route]) -> dict[str, Any]:
    tokens = "\n".join(
        text
        for kind, text in TOKEN_KINDS.items()
        if kind is not Session and any(kind in route.callers for route in routes)
    )
    bearer = {"type": "http", "scheme": "bearer"}
    made: dict[str, Any] = {
        "BearerAuth": bearer
        | ({"bearerFormat": edition.bearer_format} if edition.bearer_format else {})
        | {"description": tokens}
    }
    if any(route.__name__ in _INSTANCES_BEARER for route in routes):
        made["bearerAuth"] = bearer | {"description": "As `BearerAuth`, at operations for other instances."}
    if any(Session in route.callers for route in routes):
        made["SessionCookie"] = {
            "type": "apiKey",
            "in": "cookie",
            "name": COOKIE,
            "description": "Set by `POST /api/v2/sessions`. A person's session may call what their API key may, too.",
        }
    if any(map(takes_federation_token, routes)):
        made["FederationToken"] = {
            "type": "apiKey",
            "in": "header",
            "name": TOKEN_HEADER,
            "description": "The token that both sides of a connection share, or an instance's own key.",
        }
    return made
