"""Install agents for the organisation."""

from chalicelib.agents.domain.agents import Agent, AgentIn
from chalicelib.agents.services.ports import Agents


def install_agent(request: AgentIn, *, agent_id: str, agents: Agents) -> Agent:
    """Install an agent for everybody.

    Raises:
        Conflict: the slug is taken.
    """
    agent = Agent(agent_id, request.slug, request.name, request.description, request.category, request.commands)
    agents.add_agent(agent)
    return agent
