"""Installed agents, in the table `directory`: AGENTS / <slug>.

id, name, description, category, status, commands: a list of name, description, usage

They are few and always read together, so their one partition is both the rows and the list.
"""

from typing import Any

from chalicelib.agents.domain.agents import Agent, AgentStatus, CommandIn
from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.stores.items import Row, to_item, values
from chalicelib.core.stores.reads import query
from chalicelib.core.stores.writes import Refused, commit
from chalicelib.resources import DIRECTORY


class DynamoAgents:
    def add_agent(self, agent: Agent) -> None:
        """Store an agent. One store call.

        Raises:
            Conflict: its slug is taken.
        """
        row = _key(agent.slug) | {
            "id": agent.agent_id,
            "name": agent.name,
            "description": agent.description,
            "category": agent.category,
            "status": agent.status,
            "commands": [command.model_dump() for command in agent.commands],
        }
        request = {"Item": to_item(row), "ConditionExpression": "attribute_not_exists(pk)"}
        try:
            commit([{"Put": {"TableName": DIRECTORY.physical_name, **request}}], claim=None, reply={})
        except Refused as refused:
            raise Conflict(f"There is an agent {agent.slug} already.") from refused

    def list_agents(self) -> list[Agent]:
        """Every agent, by slug. One store call."""
        found = query(
            DIRECTORY,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=values(pk="AGENTS"),
            ConsistentRead=True,
        )
        return list(map(_as_agent, found))

    def set_status(self, slug: str, status: AgentStatus, *, claim: Claim | None, reply: dict[str, Any]) -> bool:
        """Say whether an agent may be called upon; False when there is none. One store call.

        Raises:
            AlreadyAnswered: the claim has been used; nothing was done.
        """
        request = {
            "TableName": DIRECTORY.physical_name,
            "Key": to_item(_key(slug)),
            "UpdateExpression": "SET #status = :status",
            "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": values(status=status.value),
        }
        try:
            commit([{"Update": request}], claim=claim, reply=reply)
        except Refused:
            return False
        return True

    def remove_agent(self, slug: str) -> None:
        """Remove an agent. One store call.

        Raises:
            NotFound: there is no such agent.
        """
        request = {"Key": to_item(_key(slug)), "ConditionExpression": "attribute_exists(pk)"}
        try:
            commit([{"Delete": {"TableName": DIRECTORY.physical_name, **request}}], claim=None, reply={})
        except Refused as refused:
            raise NotFound(f"There is no agent {slug}.") from refused


def _key(slug: str) -> Row:
    return {"pk": "AGENTS", "sk": slug}


def _as_agent(row: Row) -> Agent:
    return Agent(
        row["id"],
        row["sk"],
        row["name"],
        row["description"],
        row["category"],
        [CommandIn.model_construct(**command) for command in row["commands"]],
        AgentStatus(row["status"]),
    )
