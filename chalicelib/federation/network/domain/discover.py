"""Discovery: people, teams and agents, with what each of them lets others see."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from chalicelib.agents.domain.agents import Agent, AgentStatus
from chalicelib.core.domain.fields import Clamped, Filter, Omittable, Out, Query
from chalicelib.core.domain.pages import Offset
from chalicelib.core.domain.text import has_text, normalize_text
from chalicelib.federation.connections.domain.origins import SOURCE
from chalicelib.federation.network.domain.marketplace import Listing
from chalicelib.people.domain.directory import Team, Visibility
from chalicelib.people.domain.person_card import EVERYBODYS_FIELDS, LIST_FIELDS, MEMBERS_FIELDS, PersonCard

MOST_ITEMS = 200
# In bytes. A function can answer 6 MB, so a longer page ends early, and `total` shows that there is more.
LARGEST_PAGE = 4_000_000


class Section(StrEnum):
    """The sections of the reply. Any other value returns the statistics only."""

    PROFILES = "profiles"
    TEAMS = "teams"
    AGENTS = "agents"
    ALL = "all"


class DiscoverQuery(Query):
    """Filters and pages the sections."""

    type: Annotated[
        str,
        Field(max_length=40),
        Filter(Section),
    ] = str(Section.ALL)
    limit: Annotated[int, Field(ge=1), Clamped(MOST_ITEMS)] = Field(
        50, description="The page size of each section. A value above 200 is read as 200."
    )
    offset: Offset = 0
    q: Omittable[Annotated[str, Field(max_length=200)]] = Field(None, description="Text to search for, in any case.")

    def wants(self, section: Section) -> bool:
        return self.type in (section, Section.ALL)

    @property
    def page(self) -> slice:
        return slice(self.offset, self.offset + self.limit)

    @property
    def sought(self) -> str:
        return normalize_text(self.q or "")


@dataclass(frozen=True)
class AgentEntry:
    """The searchable part of an offered agent; `key` is the key of its row."""

    key: tuple[str, str]
    instance_id: str
    name: str
    slug: str
    description: str
    category: str

    def has_text(self, sought: str) -> bool:
        return has_text(sought, self.name, self.slug, self.description, self.category)


class ProfileItemOut(Out):
    """A person. What they have not filled in, or do not show to the caller, is null or missing."""

    id: str
    user_id: str
    name: str
    email: str | None
    headline: str | None
    current_title: str | None
    current_company: str | None
    industry: str | None
    capacity: str | None
    skills: list[str] | None
    task_types: list[str] | None
    timezone: str | None
    bio: str | None
    visibility: Visibility
    has_profile: bool
    languages: Omittable[list[str]] = None
    hobbies: Omittable[list[str]] = None
    superpowers: Omittable[list[str]] = None


class TeamItemOut(Out):
    """A team."""

    id: str
    name: str
    description: str | None
    avatar: str | None
    member_count: int


class AgentItemOut(Out):
    """An agent that can be called. Structured members are JSON text."""

    id: str
    name: str
    slug: str
    description: str
    category: str
    tags: str | None
    pricing_model: str
    price_per_task: float | None
    subscription_price: float | None
    developer_name: str | None
    developer_url: str | None
    featured: bool
    total_executions: int
    avg_rating: float
    total_ratings: int
    input_format: str
    output_format: str
    sample_prompts: str | None
    source: Omittable[Literal["federation"]] = Field(
        None, description="Set on an agent that another instance describes."
    )
    origin: Omittable[str] = Field(None, description="The canonical address of that instance.")
    verified: Omittable[bool] = Field(None, description="Whether an administrator approved that instance.")


class ProfilesOut(Out):
    """A page of people, and the total."""

    items: list[ProfileItemOut]
    total: int


class TeamsOut(Out):
    """A page of teams, and the total."""

    items: list[TeamItemOut]
    total: int


class AgentItemsOut(Out):
    """A page of agents, and the total."""

    items: list[AgentItemOut]
    total: int


class StatsOut(Out):
    """The size of the network."""

    users: int
    teams: int
    agents: int
    federated_instances: int


class DiscoverOut(Out):
    """The sections that were asked for, and the statistics."""

    profiles: Omittable[ProfilesOut] = None
    teams: Omittable[TeamsOut] = None
    agents: Omittable[AgentItemsOut] = None
    network_stats: StatsOut


def to_profile_response(card: PersonCard, *, to_member: bool) -> ProfileItemOut:
    """Return a person as the caller may see them: more if they are public, most if the caller is a network member."""
    profile, public = card.profile or {}, card.visibility is Visibility.PUBLIC
    item: dict[str, Any] = {name: profile.get(name) for name in EVERYBODYS_FIELDS}
    item |= {name: list(profile.get(name, ())) if card.profile is not None else None for name in LIST_FIELDS}
    if public and to_member:
        item |= {name: list(profile.get(name, ())) for name in MEMBERS_FIELDS}
    return ProfileItemOut.model_validate(
        {
            **item,
            "id": card.user_id if card.profile is not None else f"user_{card.user_id}",
            "userId": card.user_id,
            "name": card.name,
            "email": card.email if public else None,
            "capacity": profile.get("capacity", "available") if card.profile is not None else None,
            "bio": profile.get("bio") if public else None,
            "visibility": card.visibility,
            "hasProfile": card.profile is not None,
        }
    )


def to_team_response(team: Team, members: int) -> TeamItemOut:
    return TeamItemOut(id=team.team_id, name=team.name, description=team.description, avatar=None, member_count=members)


def to_listed_agent_response(listing: Listing) -> AgentItemOut:
    """Return an agent that another instance offers."""
    # Agents that were sent before the origin was kept have their instance's address in no other member.
    own: dict[str, Any] = {
        "origin": listing.details.get("origin", ""),
        "id": listing.marketplace_id,
        "slug": listing.slug,
        "source": SOURCE,
        "verified": True,
    }
    return AgentItemOut.model_validate({**listing.details, **_zero_counts(), **own})


def to_installed_agent_response(agent: Agent) -> AgentItemOut:
    """Return an agent that is installed at this desk."""
    own: dict[str, Any] = {
        **dict.fromkeys(
            ("tags", "pricePerTask", "subscriptionPrice", "developerName", "developerUrl", "samplePrompts")
        ),
        "id": agent.agent_id,
        "name": agent.name,
        "slug": agent.slug,
        "description": agent.description,
        "category": agent.category,
        "pricingModel": "free",
        "inputFormat": "text",
        "outputFormat": "text",
    }
    return AgentItemOut.model_validate(own | _zero_counts())


def matching_installed(agents: Sequence[Agent], sought: str) -> list[Agent]:
    """Return the active agents of this desk that have the text."""
    active = (agent for agent in agents if agent.status is AgentStatus.ACTIVE)
    return [each for each in active if has_text(sought, each.name, each.slug, each.description, each.category)]


def _zero_counts() -> dict[str, Any]:
    return {"featured": False, "totalExecutions": 0, "avgRating": 0, "totalRatings": 0}
