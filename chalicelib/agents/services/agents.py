"""Which agents the organisation has: what its operator installs and removes."""

from chalicelib.agents.domain.agents import Agent, AgentIn
from chalicelib.agents.services.ports import Agents


def install(wanted: AgentIn, *, agent_id: str, agents: Agents) -> Agent:
    """Install an agent for everybody.

    Raises:
        Conflict: the slug is taken.
    """
    made = Agent(agent_id, wanted.slug, wanted.name, wanted.description, wanted.category, wanted.commands)
    agents.add_agent(made)
    return made
