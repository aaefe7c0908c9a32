"""Agents that are installed for the organisation, and the commands they understand."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from chalicelib.core.domain.fields import In, Line
from chalicelib.people.domain.directory import Name, Slug

MOST_COMMANDS = 50

Keyword = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[a-z0-9]+([-_][a-z0-9]+)*$")]
Text = Annotated[Line, Field(min_length=1, max_length=200)]


class AgentStatus(StrEnum):
    """Whether an agent can be mentioned."""

    ACTIVE = "active"
    DISABLED = "disabled"
    REJECTED = "rejected"


class CommandIn(In):
    """A command that an agent understands."""

    name: Keyword
    description: Text
    usage: Text


@dataclass(frozen=True)
class Agent:
    """An agent that everybody in the organisation can mention."""

    agent_id: str
    slug: str
    name: str
    description: str
    category: str
    commands: Sequence[CommandIn]
    status: AgentStatus = AgentStatus.ACTIVE


class AgentIn(In):
    """An agent to install."""

    slug: Slug
    name: Name
    description: Annotated[str, Field(min_length=1, max_length=1000)]
    category: Keyword = "general"
    commands: list[CommandIn] = Field(default_factory=list, max_length=MOST_COMMANDS)

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len({command.name for command in self.commands}) < len(self.commands):
            raise PydanticCustomError("commands", "Every command needs a name of its own")
        return self
