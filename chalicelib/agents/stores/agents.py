"""Installed agents, in the table `directory`: AGENTS / <slug>.

id, name, description, category, status, commands: a list of name, description, usage

They are few and always read together, so they share one partition.
"""

from typing import Any

from chalicelib.agents.domain.agents import Agent, AgentStatus, CommandIn
from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.stores.actions import EXISTS, delete, put_new, update
from chalicelib.core.stores.codec import Codec, Column
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import query_partition
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.resources import DIRECTORY

_AGENTS = "AGENTS"
_COMMANDS = Column(
    to_row=lambda commands: [command.model_dump() for command in commands],
    from_row=lambda rows: [CommandIn.model_construct(**row) for row in rows],
)
_AGENT = Codec(Agent, {"agent_id": "id", "commands": _COMMANDS}, without=("slug",))


class DynamoAgents:
    def add_agent(self, agent: Agent) -> None:
        """Store an agent. One store call.

        Raises:
            Conflict: its slug is taken.
        """
        try:
            commit([put_new(DIRECTORY, _key(agent.slug) | _AGENT.to_row(agent))])
        except Refused as refused:
            raise Conflict(f"There is an agent {agent.slug} already.") from refused

    def list_agents(self) -> list[Agent]:
        """List all agents, by slug. One store call."""
        return [_AGENT.from_row(row, slug=row["sk"]) for row in query_partition(DIRECTORY, _AGENTS)]

    def set_status(self, slug: str, status: AgentStatus, *, claim: Claim | None, reply: dict[str, Any]) -> bool:
        """Set an agent's status; False if there is no such agent. One store call.

        Raises:
            AlreadyAnswered: the claim has been used; nothing was done.
        """
        change = update(DIRECTORY, _key(slug), "SET #status = :status", EXISTS, status=status.value)
        return try_commit([change], claim=claim, reply=reply, audited=True)

    def remove_agent(self, slug: str) -> None:
        """Remove an agent. One store call.

        Raises:
            NotFound: there is no such agent.
        """
        if not try_commit([delete(DIRECTORY, _key(slug), EXISTS)], tokened=True):
            raise NotFound(f"There is no agent {slug}.")


def _key(slug: str) -> Row:
    return {"pk": _AGENTS, "sk": slug}
