"""The Model Context Protocol: its revisions, and how messages are parsed and answered.

Two kinds of revisions are supported. Revisions with a handshake start with `initialize`. The stateless revision sends
its version and the client's capabilities in every message's `_meta`, repeats them in headers, and has
`server/discover` instead.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from pydantic_core import from_json

STATELESS = "2026-07-28"
HANDSHAKE = ("2025-11-25", "2025-06-18")
VERSIONS = (STATELESS, *HANDSHAKE)

VERSION_HEADER, METHOD_HEADER, NAME_HEADER = "mcp-protocol-version", "mcp-method", "mcp-name"

_META = "io.modelcontextprotocol/"
# The encoding of a name that does not fit a header.
_QUOTED = re.compile(r"=\?base64\?(.*)\?=")


class Code(IntEnum):
    """Error codes of JSON-RPC and MCP. `REFUSED` is our own, and comes with problem details."""

    PARSE_ERROR = -32700
    INVALID_REQUEST = -32600
    METHOD_NOT_FOUND = -32601
    INVALID_PARAMS = -32602
    INTERNAL_ERROR = -32603
    REFUSED = -32000
    HEADER_MISMATCH = -32020
    UNSUPPORTED_VERSION = -32022


MessageId = str | int


@dataclass(frozen=True)
class Message:
    """A request, or a notification if it has no id."""

    id: MessageId | None
    method: str
    params: Mapping[str, Any]
    stateless: bool

    @property
    def tool(self) -> tuple[str, Mapping[str, Any]] | None:
        """The name and arguments of a tool call; None if the message is none, or malformed."""
        name, arguments = self.params.get("name"), self.params.get("arguments")
        if self.id is None or self.method != "tools/call" or not isinstance(name, str):
            return None
        arguments = {} if arguments is None else arguments
        return (name, arguments) if isinstance(arguments, dict) else None


class Fault(Exception):
    """A message that can't be accepted. `status` is the HTTP status of the reply."""

    def __init__(self, code: Code, text: str, *, about: MessageId | None, status: int = 400, data: Any = None) -> None:
        super().__init__(text)
        self.code, self.text, self.about, self.status, self.data = code, text, about, status, data

    @classmethod
    def within(cls, message: Message, code: Code, text: str) -> "Fault":
        """Return a fault of a message that was parsed. Revisions with a handshake report it with HTTP status 200."""
        status = 404 if code is Code.METHOD_NOT_FOUND else 400
        return cls(code, text, about=message.id, status=status if message.stateless else 200)


def parse_message(raw: bytes, headers: Mapping[str, str]) -> Message:
    """Parse the JSON-RPC message of a request body. Header names must be in lower case.

    Raises:
        Fault: the body is no message, its revision is not supported, or it contradicts the headers.
    """
    try:
        found = from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        raise Fault(Code.PARSE_ERROR, "The body is not valid JSON.", about=None) from error
    if not isinstance(found, dict):
        raise Fault(
            Code.INVALID_REQUEST, "The body must be one JSON-RPC message. Batches are not supported.", about=None
        )
    given, method, params = found.get("id"), found.get("method"), found.get("params")
    params = {} if params is None else params
    about = given if isinstance(given, MessageId) and not isinstance(given, bool) else None
    if about is None and "id" in found:
        raise Fault(Code.INVALID_REQUEST, "The id of a request must be a string or an integer.", about=None)
    if found.get("jsonrpc") != "2.0" or not isinstance(method, str):
        raise Fault(Code.INVALID_REQUEST, 'A message must have jsonrpc "2.0" and a method.', about=about)
    if not isinstance(params, dict):
        raise Fault(Code.INVALID_REQUEST, "params must be an object.", about=about)
    return Message(about, method, params, _is_stateless(about, method, params, headers))


def _is_stateless(about: MessageId | None, method: str, params: Mapping[str, Any], headers: Mapping[str, str]) -> bool:
    meta = params.get("_meta")
    meta = meta if isinstance(meta, dict) else {}
    declared, header = meta.get(f"{_META}protocolVersion"), headers.get(VERSION_HEADER)
    if header in HANDSHAKE or (header is None and (declared is None or about is None)):
        return False
    if about is None:
        _check_version(header, about)
        return True
    if header is None or (declared is not None and declared != header):
        raise Fault(Code.HEADER_MISMATCH, "The MCP-Protocol-Version header differs from the message.", about=about)
    _check_version(header, about)
    if declared is None or not isinstance(meta.get(f"{_META}clientCapabilities"), dict):
        missing = f"_meta must have {_META}protocolVersion and {_META}clientCapabilities."
        raise Fault(Code.INVALID_PARAMS, missing, about=about)
    if headers.get(METHOD_HEADER) != method:
        raise Fault(Code.HEADER_MISMATCH, "The Mcp-Method header differs from the message's method.", about=about)
    name = params.get("name")
    if method == "tools/call" and name is not None and _unquoted(headers.get(NAME_HEADER, "")) != name:
        raise Fault(Code.HEADER_MISMATCH, "The Mcp-Name header differs from the tool's name.", about=about)
    return True


def _check_version(version: str | None, about: MessageId | None) -> None:
    if version not in VERSIONS:
        data = {"supported": list(VERSIONS), "requested": version}
        raise Fault(Code.UNSUPPORTED_VERSION, "Unsupported protocol version.", about=about, data=data)


def _unquoted(text: str) -> str | None:
    if (quoted := _QUOTED.fullmatch(text)) is None:
        return text
    try:
        return base64.b64decode(quoted[1], validate=True).decode()
    except ValueError:
        return None


def negotiate_version(message: Message) -> str:
    """Return the revision to answer `initialize` with: the requested one if supported, else the newest.

    Raises:
        Fault: the message requests no revision.
    """
    requested = message.params.get("protocolVersion")
    if not isinstance(requested, str):
        raise Fault.within(message, Code.INVALID_PARAMS, "protocolVersion: is required")
    return requested if requested in HANDSHAKE else HANDSHAKE[0]


def result_reply(message: Message, result: Mapping[str, Any], *, server: Mapping[str, str]) -> dict[str, Any]:
    """Build the reply with this result. A stateless reply also has its result type and the server's name."""
    reply = dict(result)
    if message.stateless:
        reply["resultType"] = "complete"
        reply["_meta"] = {**reply.get("_meta", {}), f"{_META}serverInfo": dict(server)}
    return {"jsonrpc": "2.0", "id": message.id, "result": reply}


def cacheable(message: Message, result: Mapping[str, Any], *, seconds: int) -> dict[str, Any]:
    """Mark a result as cacheable by its receiver alone, if the revision supports that."""
    return {**result, "ttlMs": seconds * 1000, "cacheScope": "private"} if message.stateless else dict(result)


def error_reply(about: MessageId | None, code: Code, text: str, data: Any = None) -> dict[str, Any]:
    """Build the reply with this error."""
    details = {"code": int(code), "message": text} | ({} if data is None else {"data": data})
    return {"jsonrpc": "2.0", "id": about, "error": details}
