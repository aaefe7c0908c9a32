"""An agent of the OpenAI Agents SDK asks for approval and waits, over MCP.

FLUXDEN_URL and FLUXDEN_KEY name the desk and an API key; OPENAI_API_KEY is the model's.
"""

import asyncio
import os

from agents import Agent, Runner, set_default_openai_api, set_tracing_disabled
from agents.mcp import MCPServerStreamableHttp

RULE = "Before you send an invoice, add a task with metadata.proposal (tool, arguments, why), and call task_wait until \
its state is not waiting. Then say whether it was approved, and with which arguments."


async def main() -> None:
    set_tracing_disabled(True)
    set_default_openai_api("chat_completions")
    desk = MCPServerStreamableHttp(
        {
            "url": f"{os.environ['FLUXDEN_URL']}/mcp",
            "headers": {"Authorization": f"Bearer {os.environ['FLUXDEN_KEY']}"},
            "timeout": 60,
        },
        # task_wait replies after up to 25 seconds.
        client_session_timeout_seconds=60,
    )
    async with desk:
        agent = Agent("Invoices", instructions=RULE, mcp_servers=[desk], model=os.environ.get("MODEL", "gpt-5-mini"))
        result = await Runner.run(agent, "Send Nadia an invoice of 120.", max_turns=50)
        print(result.final_output)


asyncio.run(main())
