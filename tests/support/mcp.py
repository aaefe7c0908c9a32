"""The official client of the Model Context Protocol, connected to our function, and messages by hand."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.support.api import Answer, Api

PATH = "/mcp"
STATELESS, HANDSHAKE = "2026-07-28", "2025-11-25"
_META = "io.modelcontextprotocol/"


class _Gateway(httpx2.AsyncBaseTransport):
    """Passes the client's requests to our function."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        raw = await request.aread()
        headers = {name: value for name, value in request.headers.items() if name != "content-length"}
        answer = Api().call(request.method, request.url.path, raw=raw.decode(), headers=headers)
        self.seen.append((json.loads(raw)["method"] if raw else request.method, answer.status))
        return httpx2.Response(answer.status, headers=answer.headers, text=answer.text)


@asynccontextmanager
async def connect_client(token: str, mode: str) -> AsyncIterator[tuple[Client, list[tuple[str, int]]]]:
    """Return a connected client, and the method and status of each of its messages."""
    gateway = _Gateway()
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(transport=gateway, headers=headers) as http,
        Client(streamable_http_client(f"http://desk.test{PATH}", http_client=http), mode=mode) as client,
    ):
        yield client, gateway.seen


def new_message(method: str, *, about: Any = 1, stateless: bool = False, **params: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "params": params}
    if about is not None:
        made["id"] = about
    if stateless:
        meta = {f"{_META}protocolVersion": STATELESS, f"{_META}clientCapabilities": {}}
        params["_meta"] = meta | params.get("_meta", {})
    return made


def post_message(api: Api, sent: dict[str, Any], token: str | None, **headers: str) -> Answer:
    """Post a message with the headers of its protocol version."""
    made = {"MCP-Protocol-Version": HANDSHAKE}
    if f"{_META}protocolVersion" in sent["params"].get("_meta", {}):
        made = {"MCP-Protocol-Version": STATELESS, "Mcp-Method": sent["method"]}
        made |= {"Mcp-Name": sent["params"]["name"]} if "name" in sent["params"] else {}
    return api.call("POST", PATH, sent, token=token, headers=made | headers)


def call_tool(api: Api, token: str, tool: str, /, **arguments: Any) -> Any:
    """Call a tool, and return its result."""
    answer = post_message(api, new_message("tools/call", name=tool, arguments=arguments), token)
    assert answer.status == 200, answer.text
    return answer.json["result"]


def problem_of(result: Any) -> Any:
    """Return the problem details of a refused call, which are its text and nothing else."""
    assert (result["isError"], "structuredContent" in result) == (True, False), result
    (content,) = result["content"]
    assert content["type"] == "text"
    return json.loads(content["text"])


def list_tools(api: Api, token: str) -> dict[str, Any]:
    """Return the tools that the token can call, by name."""
    return {tool["name"]: tool for tool in post_message(api, new_message("tools/list"), token).json["result"]["tools"]}
