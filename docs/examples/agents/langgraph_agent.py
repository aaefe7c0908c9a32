"""An agent of LangGraph asks for approval and waits, over MCP.

FLUXDEN_URL and FLUXDEN_KEY name the desk and an API key; OPENAI_API_KEY is the model's.
"""

import asyncio
import os

from langchain.agents import create_agent
from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_openai import ChatOpenAI

RULE = "Before you send an invoice, add a task with metadata.proposal (tool, arguments, why), and call task_wait until \
its state is not waiting. Then say whether it was approved, and with which arguments."


async def main() -> None:
    desk = MultiServerMCPClient(
        {
            "fluxden": {
                "transport": "streamable_http",
                "url": f"{os.environ['FLUXDEN_URL']}/mcp",
                "headers": {"Authorization": f"Bearer {os.environ['FLUXDEN_KEY']}"},
            }
        }
    )
    model = ChatOpenAI(model=os.environ.get("MODEL", "gpt-5-mini"), use_responses_api=False)
    agent = create_agent(model, await desk.get_tools(), system_prompt=RULE)
    messages = [{"role": "user", "content": "Send Nadia an invoice of 120."}]
    state = await agent.ainvoke({"messages": messages}, {"recursion_limit": 100})
    print(state["messages"][-1].content)


asyncio.run(main())
