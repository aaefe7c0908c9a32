"""`/mcp`: the Model Context Protocol over HTTP, without sessions. A message in, a reply out.

A call of a tool is the call of an operation, by the caller of this endpoint and at this moment: the operation admits
the caller, counts the call and refuses it as ever. All other messages are the operation `answer_mcp`, which is
served here only.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from chalice.app import Blueprint, Response

from chalicelib.api.mcp import calling
from chalicelib.api.mcp.contract import MCP, TOOLS_FAMILY, grants, listing
from chalicelib.api.mcp.protocol import VERSIONS, Code, Fault, Message, answer, error, kept, negotiated, read
from chalicelib.api.mcp.tools import operation_of
from chalicelib.core.domain.call import Call, Sent
from chalicelib.core.domain.callers import ANY_AREA, ApiKey, ToolsToken
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
from chalicelib.edge.exchange import Exchange
from chalicelib.edge.json_text import check_json
from chalicelib.edge.operation import Operation, Reply
from chalicelib.edge.route import route
from chalicelib.ids import TokenKind, parse_token
from chalicelib.settings import VERSION, settings

bp = Blueprint(__name__)

_PATH = "/mcp"
_SERVER = {"name": "fluxden", "title": "Fluxden", "version": VERSION}
_CAPABILITIES: dict[str, Any] = {"tools": {}}
_INSTRUCTIONS = (
    "Fluxden is a company's desk: tasks, inbox, chat, board and contacts of one person (with a dvd_ key), or events, "
    "catalog and projects of the organisation (with a flux-tools- token). The list of tools has what your token may "
    "call. Refusals come as results with isError and problem details: `code` says what is wrong, `fieldErrors` which "
    "arguments are, `retryAfterSeconds` when to try again. Give each change an idempotency_key, and repeat it with "
    "the same one when you do not know whether it happened."
)
_LISTING_SECONDS, _DISCOVERY_SECONDS = 300, 3600
# A reply has at most 6 MB; the text, which only repeats what is structured, is quoted three times over in it.
_LONGEST_TEXT = 500_000
_PASSED_ON = ("deprecation", "retry-after", "sunset", "www-authenticate", "x-ratelimit-")


def _from_here(sent: Sent) -> Sent:
    if not is_own(sent.headers, settings().base_url):
        raise Forbidden("Pages and names of other origins may not call this endpoint.")
    return sent


@route(
    bp,
    "POST",
    _PATH,
    MCP,
    tag="mcp",
    gate=_from_here,
    answer={200: None, 202: None},
    answers={200: "The reply to a request, including a tool call that failed.", 202: "The notification was accepted."},
    refusals=(Unauthorized, Forbidden, NotFound, TooLarge, UnsupportedMediaType, RateLimited, Unavailable),
    grants=grants(),
)
def call_mcp(admitted: Sent, call: Call) -> Reply:
    """Send a message of the Model Context Protocol, in JSON-RPC.

    Supported revisions are 2026-07-28, 2025-11-25 and 2025-06-18, without sessions. `tools/list` lists the tools that
    your token can call: a tools token (`flux-tools-…`) or an API key (`dvd_…`).
    """
    message = _read(admitted)
    name, arguments = (message.tool if message else None) or ("", {})
    headers = _handed_on(admitted, call)
    operation = operation_of(name) if _is_of_a_kind_with_tools(headers["authorization"]) else None
    if message is None or operation is None:
        asked = calling.request("POST", _PATH, {**admitted.headers, **headers}, body=admitted.body)
        return _answered(Exchange(_ANSWER, asked, {}).respond(), message)
    return _called(calling.call(operation, arguments, headers, _PATH), message)


@route(
    bp, "GET", _PATH, MCP, tag="mcp", status=405, answer={405: None}, answers={405: "Event streams are not supported."}
)
def open_mcp_stream() -> Reply:
    """Not supported: this endpoint has no event stream.

    Each message of the server is the reply to one of yours.
    """
    told = error(None, Code.REFUSED, "This endpoint answers to POST.")
    return Reply(_json(told), HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "POST"})


def _message(sent: Sent) -> Message | Fault:
    kind = sent.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise UnsupportedMediaType("A message must be sent as application/json.")
    check_json(sent.body)
    try:
        return read(sent.body, sent.headers)
    except Fault as fault:
        return fault


def answer_mcp(caller: ToolsToken | ApiKey, admitted: Message | Fault) -> Reply:
    """Answer a message that calls no tool there is."""
    message = admitted
    try:
        if isinstance(message, Fault):
            raise message
        if message.id is None:
            return Reply("", HTTPStatus.ACCEPTED)
        return Reply(_json(answer(message, _result(message, caller), server=_SERVER)), 200)
    except Fault as fault:
        return Reply(_json(error(fault.about, fault.code, fault.text, fault.data)), fault.status)


_ANSWER = Operation(answer_mcp, "POST", _PATH, TOOLS_FAMILY, tag="mcp", area=ANY_AREA, gate=_message)


def _result(message: Message, caller: ToolsToken | ApiKey) -> dict[str, Any]:
    told = {"capabilities": _CAPABILITIES, "instructions": _INSTRUCTIONS}
    match message.method, message.stateless:
        case "server/discover", True:
            return kept(message, {"supportedVersions": list(VERSIONS)} | told, seconds=_DISCOVERY_SECONDS)
        case "initialize", False:
            return {"protocolVersion": negotiated(message), "serverInfo": _SERVER} | told
        case "ping", False:
            return {}
        case "tools/list", _:
            if "cursor" in message.params:
                raise Fault.within(message, Code.INVALID_PARAMS, "cursor: there are no further pages")
            return kept(message, {"tools": _tools_for(caller)}, seconds=_LISTING_SECONDS)
        case "tools/call", _:
            form = "A call has the tool's name, and its arguments as an object."
            raise Fault.within(message, Code.INVALID_PARAMS, "name: there is no such tool" if message.tool else form)
    raise Fault.within(message, Code.METHOD_NOT_FOUND, "There is no such method.")


def _tools_for(caller: ToolsToken | ApiKey) -> list[dict[str, Any]]:
    return [each["tool"] for each in listing()["tools"] if _may_call(caller, each)]


def _may_call(caller: ToolsToken | ApiKey, tool: Mapping[str, Any]) -> bool:
    if type(caller).__name__ not in tool["callers"]:
        return False
    return caller.opens(tool["area"]) if isinstance(caller, ApiKey) else caller.admin or not tool["adminOnly"]


def _read(sent: Sent) -> Message | None:
    try:
        found = _message(sent)
    except Refusal:
        return None
    return found if isinstance(found, Message) else None


def _is_of_a_kind_with_tools(authorization: str) -> bool:
    token = parse_token(authorization.partition(" ")[2].strip())
    return token is not None and token.kind in (TokenKind.TOOLS, TokenKind.KEY)


def _handed_on(sent: Sent, call: Call) -> dict[str, str]:
    made = {"authorization": sent.headers.get("authorization", ""), "x-request-id": call.request_id}
    return made | {name: sent.headers[name] for name in ("x-agent-name",) if name in sent.headers}


def _called(response: Response, message: Message) -> Reply:
    """What a call of a tool came to. Only who is not let in at all is told so by HTTP."""
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        return _answered(response, message)
    found, headers = json.loads(response.body), _passed_on(response)
    if isinstance(found, list):
        # Revisions with a handshake take nothing but objects.
        found = {"items": found}
    failed = response.status_code >= HTTPStatus.BAD_REQUEST
    if failed and "Retry-After" in headers:
        found["retryAfterSeconds"] = int(headers["Retry-After"])
    text = _json(found)
    if len(text) > _LONGEST_TEXT:
        text = "The result is long: it is in structuredContent only. Ask for less at a time."
    result = {"content": [{"type": "text", "text": text}], "structuredContent": found, "isError": failed}
    if response.headers.get("Idempotent-Replayed"):
        result["_meta"] = {"fluxden/idempotent-replayed": True}
    return Reply(_json(answer(message, result, server=_SERVER)), 200, headers)


def _answered(response: Response, message: Message | None) -> Reply:
    text = response.body
    if response.headers["Content-Type"] == TOOLS_FAMILY.error_type:
        problem = json.loads(text)
        code = Code.INTERNAL_ERROR if problem["status"] == HTTPStatus.INTERNAL_SERVER_ERROR else Code.REFUSED
        text = _json(error(message.id if message else None, code, problem["detail"], problem))
    return Reply(text, response.status_code, _passed_on(response))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _passed_on(response: Response) -> dict[str, str]:
    return {name: str(value) for name, value in response.headers.items() if name.lower().startswith(_PASSED_ON)}
