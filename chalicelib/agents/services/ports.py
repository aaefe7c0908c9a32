"""Ports of agents: services depend on them, stores and gateways provide them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from chalicelib.agents.domain.agents import Agent, AgentStatus
    from chalicelib.core.domain.idempotency import Claim, StoredReply


class Agents(Protocol):
    """Reads and changes the installed agents."""

    def add_agent(self, agent: Agent) -> None: ...
    def list_agents(self) -> list[Agent]: ...
    def set_status(self, slug: str, status: AgentStatus, *, claim: Claim | None, reply: StoredReply) -> bool: ...
