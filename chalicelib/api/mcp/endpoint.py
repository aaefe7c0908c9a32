"""`/mcp`: the Model Context Protocol over HTTP, without sessions.

A tool call is forwarded to the operation behind the tool, with the caller's own token: the operation authenticates,
limits and refuses the call as it does over HTTP. All other messages are the operation `answer_mcp`, which is served
here only.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from chalice.app import Blueprint, Response

from chalicelib.api.mcp import calling
from chalicelib.api.mcp.contract import MCP, TOOLS_FAMILY, grants, listing
from chalicelib.api.mcp.protocol import (
    VERSIONS,
    Code,
    Fault,
    Message,
    cacheable,
    error_reply,
    negotiate_version,
    parse_message,
    result_reply,
)
from chalicelib.api.mcp.remote_text import wrap_remote_text
from chalicelib.api.mcp.tools import find_operation
from chalicelib.core.domain.callers import ANY_PERMISSION, ApiKey, ToolsToken
from chalicelib.core.domain.errors import (
    Forbidden,
    NotFound,
    RateLimited,
    Refusal,
    TooLarge,
    Unauthorized,
    Unavailable,
    UnsupportedMediaType,
)
from chalicelib.core.domain.origins import is_own
from chalicelib.core.domain.requests import RawRequest, RequestContext
from chalicelib.edge.exchange import handle
from chalicelib.edge.json_text import check_json
from chalicelib.edge.operation import Operation, OperationReply
from chalicelib.edge.route import route
from chalicelib.ids import TokenKind, parse_token
from chalicelib.settings import VERSION, settings

bp = Blueprint(__name__)

_PATH = "/mcp"
_SERVER = {"name": "fluxden", "title": "Fluxden", "version": VERSION}
_CAPABILITIES: dict[str, Any] = {"tools": {}}
_INSTRUCTIONS = (
    "Fluxden is a notification inbox and approval desk for people and their agents. With a dvd_ key you work for one "
    "person: tasks, inbox, chat, board and contacts. With a flux-tools- token you work for an integrator: events, "
    "catalog, projects, and tasks of employees who allow it. tools/list contains the tools that your token can call. "
    "A failed call returns isError with problem details: `code` is the reason, `fieldErrors` names the invalid "
    "arguments, and `retryAfterSeconds` is the time to wait. Send an idempotency_key with every change. If you don't "
    "know whether a change was made, repeat the call with the same key."
)
_LISTING_SECONDS, _DISCOVERY_SECONDS = 300, 3600
# A reply can have up to 6 MB, and the text is escaped three times in it. It only repeats the structured content.
_LONGEST_TEXT = 500_000
_LONGEST_NAME = 100
_KEPT_HEADERS = ("deprecation", "retry-after", "sunset", "www-authenticate", "x-ratelimit-")


def _check_origin(sent: RawRequest) -> RawRequest:
    if not is_own(sent.headers, settings().base_url):
        raise Forbidden("Requests from other origins are not allowed.")
    return sent


@route(
    bp,
    "POST",
    _PATH,
    MCP,
    tag="mcp",
    gate=_check_origin,
    answer={200: None, 202: None},
    answers={200: "The reply to a request, including a tool call that failed.", 202: "The notification was accepted."},
    refusals=(Unauthorized, Forbidden, NotFound, TooLarge, UnsupportedMediaType, RateLimited, Unavailable),
    grants=grants(),
)
def call_mcp(admitted: RawRequest, context: RequestContext) -> OperationReply:
    """Send a message of the Model Context Protocol, in JSON-RPC.

    Supported revisions are 2026-07-28, 2025-11-25 and 2025-06-18, without sessions. `tools/list` lists the tools that
    your token can call: a tools token (`flux-tools-…`) or an API key (`dvd_…`).
    """
    message = _parse_or_none(admitted)
    name, arguments = (message.tool if message else None) or ("", {})
    headers = _forwarded_headers(admitted, context)
    operation = find_operation(name) if _can_have_tools(headers["authorization"]) else None
    if message is None or operation is None:
        request = calling.request("POST", _PATH, {**admitted.headers, **headers}, body=admitted.body)
        return _protocol_reply(handle(_ANSWER, request, {}), message)
    return _tool_reply(calling.call(operation, arguments, headers, _PATH), message)


@route(
    bp, "GET", _PATH, MCP, tag="mcp", status=405, answer={405: None}, answers={405: "Event streams are not supported."}
)
def open_mcp_stream() -> OperationReply:
    """Not supported: this endpoint has no event stream.

    Each message of the server is the reply to one of yours.
    """
    reply = error_reply(None, Code.REFUSED, "Only POST is allowed here.")
    return OperationReply(_json(reply), HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "POST"})


def _message(sent: RawRequest) -> Message | Fault:
    kind = sent.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise UnsupportedMediaType("Content-Type must be application/json.")
    check_json(sent.body)
    try:
        return parse_message(sent.body, sent.headers)
    except Fault as fault:
        return fault


def answer_mcp(caller: ToolsToken | ApiKey, admitted: Message | Fault) -> OperationReply:
    """Answer a message that calls no known tool."""
    message = admitted
    try:
        if isinstance(message, Fault):
            raise message
        if message.id is None:
            return OperationReply("", HTTPStatus.ACCEPTED)
        return OperationReply(_json(result_reply(message, _result(message, caller), server=_SERVER)), 200)
    except Fault as fault:
        return OperationReply(_json(error_reply(fault.about, fault.code, fault.text, fault.data)), fault.status)


_ANSWER = Operation(answer_mcp, "POST", _PATH, TOOLS_FAMILY, tag="mcp", permission=ANY_PERMISSION, gate=_message)


def _result(message: Message, caller: ToolsToken | ApiKey) -> dict[str, Any]:
    about = {"capabilities": _CAPABILITIES, "instructions": _INSTRUCTIONS}
    match message.method, message.stateless:
        case "server/discover", True:
            return cacheable(message, {"supportedVersions": list(VERSIONS)} | about, seconds=_DISCOVERY_SECONDS)
        case "initialize", False:
            return {"protocolVersion": negotiate_version(message), "serverInfo": _SERVER} | about
        case "ping", False:
            return {}
        case "tools/list", _:
            if message.params.get("cursor") is not None:
                raise Fault.within(message, Code.INVALID_PARAMS, "cursor: there are no more pages")
            return cacheable(message, {"tools": _list_tools(caller)}, seconds=_LISTING_SECONDS)
        case "tools/call", _:
            form = "params must have the tool's name, and its arguments as an object."
            unknown = f"Unknown tool: {message.tool[0][:_LONGEST_NAME]}" if message.tool else None
            raise Fault.within(message, Code.INVALID_PARAMS, unknown or form)
    raise Fault.within(message, Code.METHOD_NOT_FOUND, "Method not found.")


def _list_tools(caller: ToolsToken | ApiKey) -> list[dict[str, Any]]:
    return [each["tool"] for each in listing()["tools"] if _may_call(caller, each)]


def _may_call(caller: ToolsToken | ApiKey, tool: Mapping[str, Any]) -> bool:
    if type(caller).__name__ not in tool["callers"]:
        return False
    return caller.has_permission(tool["area"]) if isinstance(caller, ApiKey) else caller.admin or not tool["adminOnly"]


def _parse_or_none(sent: RawRequest) -> Message | None:
    try:
        found = _message(sent)
    except Refusal:
        return None
    return found if isinstance(found, Message) else None


def _can_have_tools(authorization: str) -> bool:
    token = parse_token(authorization.partition(" ")[2].strip())
    return token is not None and token.kind in (TokenKind.TOOLS, TokenKind.KEY)


def _forwarded_headers(sent: RawRequest, context: RequestContext) -> dict[str, str]:
    made = {"authorization": sent.headers.get("authorization", ""), "x-request-id": context.request_id}
    return made | {name: sent.headers[name] for name in ("x-agent-name",) if name in sent.headers}


def _tool_reply(response: Response, message: Message) -> OperationReply:
    """Return the result of a tool call. Only a failed authentication is reported by HTTP status.

    A refused call has no structured content: clients would check it against the output schema, and hide the reasons.
    """
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        return _protocol_reply(response, message)
    found, headers = wrap_remote_text(json.loads(response.body)), _reply_headers(response)
    if isinstance(found, list):
        # Revisions with a handshake require an object.
        found = {"items": found}
    failed = response.status_code >= HTTPStatus.BAD_REQUEST
    if failed and "Retry-After" in headers:
        found["retryAfterSeconds"] = int(headers["Retry-After"])
    text = _json(found)
    result: dict[str, Any] = {"isError": failed}
    if not failed:
        result["structuredContent"] = found
        if len(text) > _LONGEST_TEXT:
            text = "The result is too long for text. Read structuredContent, or request a smaller page."
    result["content"] = [{"type": "text", "text": text}]
    if response.headers.get("Idempotent-Replayed"):
        result["_meta"] = {"fluxden/idempotent-replayed": True}
    return OperationReply(_json(result_reply(message, result, server=_SERVER)), 200, headers)


def _protocol_reply(response: Response, message: Message | None) -> OperationReply:
    text = response.body
    if str(response.headers["Content-Type"]).startswith(TOOLS_FAMILY.error_type):
        problem = json.loads(text)
        code = Code.INTERNAL_ERROR if problem["status"] == HTTPStatus.INTERNAL_SERVER_ERROR else Code.REFUSED
        text = _json(error_reply(message.id if message else None, code, problem["detail"], problem))
    return OperationReply(text, response.status_code, _reply_headers(response))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _reply_headers(response: Response) -> dict[str, str]:
    return {name: str(value) for name, value in response.headers.items() if name.lower().startswith(_KEPT_HEADERS)}
