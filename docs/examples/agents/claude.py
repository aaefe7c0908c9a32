"""Claude asks for approval and waits, with Anthropic's SDK and that of MCP.

FLUXDEN_URL and FLUXDEN_KEY name the desk and an API key; ANTHROPIC_API_KEY is the model's.
"""

import asyncio
import os
from typing import Any

from anthropic import AsyncAnthropic
from anthropic.types import ToolUseBlock
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client

RULE = "Before you send an invoice, add a task with metadata.proposal (tool, arguments, why), and call task_wait until \
its state is not waiting. Then say whether it was approved, and with which arguments."


async def main() -> None:
    headers = {"Authorization": f"Bearer {os.environ['FLUXDEN_KEY']}"}
    async with (
        streamablehttp_client(f"{os.environ['FLUXDEN_URL']}/mcp", headers=headers) as (read, write, _),
        ClientSession(read, write) as desk,
        AsyncAnthropic() as model,
    ):
        await desk.initialize()
        tools = [
            {"name": each.name, "description": each.description, "input_schema": each.inputSchema}
            for each in (await desk.list_tools()).tools
        ]
        messages = [{"role": "user", "content": "Send Nadia an invoice of 120."}]
        while True:
            reply = await model.messages.create(
                model=os.environ.get("MODEL", "claude-sonnet-4-5"),
                max_tokens=1000,
                system=RULE,
                tools=tools,
                messages=messages,
            )
            calls = [each for each in reply.content if each.type == "tool_use"]
            if not calls:
                break
            messages += [
                {"role": "assistant", "content": reply.content},
                {"role": "user", "content": [await answer(desk, each) for each in calls]},
            ]
        print("".join(each.text for each in reply.content if each.type == "text"))


async def answer(desk: ClientSession, call: ToolUseBlock) -> dict[str, Any]:
    """Call a tool of the desk, and return its result as the model reads it."""
    result = await desk.call_tool(call.name, call.input)
    return {
        "type": "tool_result",
        "tool_use_id": call.id,
        "is_error": result.isError,
        "content": result.content[0].text,
    }


asyncio.run(main())
