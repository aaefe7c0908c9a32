"""The Model Context Protocol as this desk speaks it: its revisions, how a message is read, what answers look like.

Two kinds of revision are spoken. Those with a handshake begin with `initialize`; the stateless one says in every
message's `_meta` which revision it is and what the client can do, repeats the gist in headers, and has
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
# What a name is written as where it does not fit a header.
_QUOTED = re.compile(r"=\?base64\?(.*)\?=")


class Code(IntEnum):
    """What an error is, by JSON-RPC's codes and the protocol's; `REFUSED` is ours, with problem details."""

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
    """A request, or without an id a notification."""

    id: MessageId | None
    method: str
    params: Mapping[str, Any]
    stateless: bool

    @property
    def tool(self) -> tuple[str, Mapping[str, Any]] | None:
        """The name and the arguments of the tool that is called; None when none is, or not in the right form."""
        name, arguments = self.params.get("name"), self.params.get("arguments", {})
        if self.id is None or self.method != "tools/call" or not isinstance(name, str):
            return None
        return (name, arguments) if isinstance(arguments, dict) else None


class Fault(Exception):
    """A message that can't be taken, or not as it was sent; `status` is HTTP's."""

    def __init__(self, code: Code, text: str, *, about: MessageId | None, status: int = 400, data: Any = None) -> None:
        super().__init__(text)
        self.code, self.text, self.about, self.status, self.data = code, text, about, status, data

    @classmethod
    def within(cls, message: Message, code: Code, text: str) -> "Fault":
        """One that was found in a message after it had been read: with a handshake HTTP knows nothing of it."""
        status = 404 if code is Code.METHOD_NOT_FOUND else 400
        return cls(code, text, about=message.id, status=status if message.stateless else 200)


def read(raw: bytes, headers: Mapping[str, str]) -> Message:
    """The one message of a request's body; the headers' names are in lower case.

    Raises:
        Fault: it is none, or of a revision that is not spoken, or contradicts the headers.
    """
    try:
        found = from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        raise Fault(Code.PARSE_ERROR, "The body is not valid JSON.", about=None) from error
    if not isinstance(found, dict):
        raise Fault(Code.INVALID_REQUEST, "The body must be one JSON-RPC message; batches are not taken.", about=None)
    given, method, params = found.get("id"), found.get("method"), found.get("params", {})
    about = given if isinstance(given, MessageId) and not isinstance(given, bool) else None
    if about is None and "id" in found:
        raise Fault(Code.INVALID_REQUEST, "A request's id must be a string or a whole number.", about=None)
    if found.get("jsonrpc") != "2.0" or not isinstance(method, str):
        raise Fault(Code.INVALID_REQUEST, 'A message has jsonrpc "2.0" and a method.', about=about)
    if not isinstance(params, dict):
        raise Fault(Code.INVALID_REQUEST, "The params must be an object.", about=about)
    return Message(about, method, params, _is_stateless(about, method, params, headers))


def _is_stateless(about: MessageId | None, method: str, params: Mapping[str, Any], headers: Mapping[str, str]) -> bool:
    meta = params.get("_meta")
    meta = meta if isinstance(meta, dict) else {}
    said, header = meta.get(f"{_META}protocolVersion"), headers.get(VERSION_HEADER)
    if header in HANDSHAKE or (header is None and (said is None or about is None)):
        return False
    if about is None:
        _check_version(header, about)
        return True
    if header is None or (said is not None and said != header):
        raise Fault(Code.HEADER_MISMATCH, "MCP-Protocol-Version differs from what the message says.", about=about)
    _check_version(header, about)
    if said is None or not isinstance(meta.get(f"{_META}clientCapabilities"), dict):
        missing = f"_meta must have {_META}protocolVersion and {_META}clientCapabilities."
        raise Fault(Code.INVALID_PARAMS, missing, about=about)
    if headers.get(METHOD_HEADER) != method:
        raise Fault(Code.HEADER_MISMATCH, "Mcp-Method differs from the message's method.", about=about)
    name = params.get("name")
    if method == "tools/call" and name is not None and _unquoted(headers.get(NAME_HEADER, "")) != name:
        raise Fault(Code.HEADER_MISMATCH, "Mcp-Name differs from the tool's name.", about=about)
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


def negotiated(message: Message) -> str:
    """The revision that `initialize` is answered with: the one asked for, or else the newest.

    Raises:
        Fault: the message does not say which it wants.
    """
    wanted = message.params.get("protocolVersion")
    if not isinstance(wanted, str):
        raise Fault.within(message, Code.INVALID_PARAMS, "protocolVersion: is required")
    return wanted if wanted in HANDSHAKE else HANDSHAKE[0]


def answer(message: Message, result: Mapping[str, Any], *, server: Mapping[str, str]) -> dict[str, Any]:
    """The reply that has this result; a stateless one says also that it is complete, and whose it is."""
    made = dict(result)
    if message.stateless:
        made["resultType"] = "complete"
        made["_meta"] = {**made.get("_meta", {}), f"{_META}serverInfo": dict(server)}
    return {"jsonrpc": "2.0", "id": message.id, "result": made}


def kept(message: Message, result: Mapping[str, Any], *, seconds: int) -> dict[str, Any]:
    """A result that its receiver, and nobody else, may keep for a while."""
    return {**result, "ttlMs": seconds * 1000, "cacheScope": "private"} if message.stateless else dict(result)


def error(about: MessageId | None, code: Code, text: str, data: Any = None) -> dict[str, Any]:
    """The reply that has this error."""
    told = {"code": int(code), "message": text} | ({} if data is None else {"data": data})
    return {"jsonrpc": "2.0", "id": about, "error": told}
