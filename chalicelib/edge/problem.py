"""Convert refusals to a status and a body, in the shape of the contract."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from chalicelib.core.domain import errors
from chalicelib.core.domain.error_paths import Schema, to_path
from chalicelib.core.domain.error_reasons import error_member, to_reason
from chalicelib.settings import settings

STATUS: dict[type[errors.Refusal], int] = {
    errors.Invalid: 400,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.Conflict: 409,
    errors.PreconditionFailed: 412,
    errors.TooLarge: 413,
    errors.UnsupportedMediaType: 415,
    errors.RateLimited: 429,
    errors.Unavailable: 503,
}

# v2 answers 403 to a key that has ended, and 401 to one that never existed.
KEY_STATUS = STATUS | {errors.Inactive: 403}

Body = dict[str, Any]
Shape = Callable[[errors.Refusal | None, str, str], Body]


def status_of(kind: type[errors.Refusal], statuses: Mapping[type[errors.Refusal], int] = STATUS) -> int:
    """The status for this kind of refusal; a family may have its own `statuses`."""
    return next(statuses[each] for each in kind.__mro__ if each in statuses)


def problem_json(refusal: errors.Refusal | None, request_id: str, path: str) -> Body:
    """The error of fluxdesk-v1: RFC 9457 problem details, with a stable `code` beside the `type`."""
    code, title, detail = "internal-error", "Internal error", "An internal error occurred and was logged."
    if refusal is not None:
        code, title, detail = refusal.code, refusal.title, refusal.detail
    body: Body = {
        "type": f"{settings().error_base_url}/{code.replace('_', '-')}",
        "title": title,
        "status": status_of(type(refusal)) if refusal else 500,
        "detail": detail,
        "instance": path,
        "requestId": request_id,
        "code": code.replace("-", "_"),
    }
    if isinstance(refusal, errors.Invalid) and refusal.fields:
        body["fieldErrors"] = refusal.fields
    return body | dict(refusal.extra) if refusal else body


def plain_error(refusal: errors.Refusal | None, request_id: str, path: str) -> Body:  # noqa: ARG001 - a Shape
    """The error of dividen-v2: `success` is false, and `error` has the reason."""
    body = {"success": False, "error": refusal.detail if refusal else "An internal error occurred."}
    return body | dict(refusal.extra) if refusal else body


def to_invalid(error: ValidationError, schema: Schema | None = None) -> errors.Invalid:
    """Convert the errors of a model to a refusal, which never repeats the input.

    Only with the model's core schema can the paths leave out the tags of unions.
    """
    fields: dict[str, list[str]] = {}
    for each in error.errors(include_url=False):
        if each["type"] == "json_invalid":
            return errors.Invalid("The body is not valid JSON.")
        place = [*to_path(each["loc"], schema), *error_member(each)]
        if not place:
            not_an_object = each["type"].endswith("_type")
            return errors.Invalid("The body must be a JSON object." if not_an_object else f"{each['msg']}.")
        # A key of a client's own mapping may be as long as the body; its path is cut.
        fields.setdefault(".".join(str(part) for part in place)[:200], []).append(to_reason(each))
    path, reasons = next(iter(fields.items()))
    more = f" (and {len(fields) - 1} more)" if len(fields) > 1 else ""
    return errors.Invalid(f"{path}: {reasons[0]}{more}", fields)
