"""Discovery of people, teams and agents, by anybody and by members of the network."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from chalicelib.agents.domain.agents import Agent
from chalicelib.agents.services.ports import Agents
from chalicelib.core.domain.fields import Out, timestamp
from chalicelib.core.domain.text import has_text
from chalicelib.federation.network.domain.discover import (
    LARGEST_PAGE,
    AgentEntry,
    AgentItemOut,
    AgentItemsOut,
    DiscoverOut,
    DiscoverQuery,
    ProfilesOut,
    Section,
    StatsOut,
    TeamsOut,
    matching_installed,
    to_installed_agent_response,
    to_listed_agent_response,
    to_profile_response,
    to_team_response,
)
from chalicelib.federation.network.domain.instances import NetworkStats
from chalicelib.federation.network.services.ports import Instances, Listings
from chalicelib.people.domain.directory import TeamVisibility, Visibility
from chalicelib.people.services.ports import DirectoryListing, ListingCounts, Teams

T = TypeVar("T")
Item = TypeVar("Item", bound=Out)


@dataclass(frozen=True)
class Ports:
    """The ports of discovery. `take_share` counts a search of a stranger, or raises `RateLimited`."""

    found: DirectoryListing
    rosters: Teams
    installed: Agents
    network: Instances
    market: Listings
    gather: Callable[..., list[Any]]
    take_share: Callable[[], None]


def discover(query: DiscoverQuery, *, instance_id: str | None, now: datetime, ports: Ports) -> DiscoverOut:
    """Find people, teams and agents: public ones, and for an instance of the network also those for its members.

    Store calls in sequence after authentication: 3, in parallel for people, teams and agents, whatever their number;
    1 more for each megabyte that is searched or lies before the page. A stranger is counted beside the first.

    Raises:
        RateLimited: there were too many searches from the stranger's network, and nothing was searched.
    """
    to_member = instance_id is not None
    seen = dict.fromkeys(("lastSeenAt", "lastSyncAt"), timestamp(now))
    counts, stats, installed, _ = ports.gather(
        ports.found.counts,
        ports.network.find_network_stats,
        ports.installed.list_agents,
        lambda: ports.network.save_report(instance_id, seen) if instance_id is not None else ports.take_share(),
    )
    own = matching_installed(installed, "")
    sections: dict[Section, Callable[[], Out]] = {
        Section.PROFILES: lambda: _people(query, to_member=to_member, counts=counts, found=ports.found),
        Section.TEAMS: lambda: _teams(query, to_member=to_member, ports=ports),
        Section.AGENTS: lambda: _agents(query, own, stats, market=ports.market),
    }
    wanted = [section for section in sections if query.wants(section)]
    out = DiscoverOut(
        network_stats=StatsOut(
            users=counts.people,
            teams=counts.teams,
            agents=stats.agents_shown + len(own),
            federated_instances=stats.instances,
        )
    )
    for section, page in zip(wanted, ports.gather(*(sections[each] for each in wanted)), strict=True):
        setattr(out, section.value, page)
    return out


def _people(query: DiscoverQuery, *, to_member: bool, counts: ListingCounts, found: DirectoryListing) -> ProfilesOut:
    seen = [Visibility.PUBLIC, *([Visibility.CONNECTIONS] if to_member else [])]
    page, total = query.page, counts.people_with(seen)
    if query.sought:
        cards = [card for card in found.iterate_people(seen, most=None) if card.has_text(query.sought)]
        cards, total = cards[page], len(cards)
    elif page.start < total:
        cards = list(islice(found.iterate_people(seen, most=page.stop), page.start, page.stop))
    else:
        cards = []
    return ProfilesOut(items=_fitting(to_profile_response(card, to_member=to_member) for card in cards), total=total)


def _teams(query: DiscoverQuery, *, to_member: bool, ports: Ports) -> TeamsOut:
    seen = [TeamVisibility.PUBLIC, *([TeamVisibility.NETWORK] if to_member else [])]
    teams = [each for each in ports.found.list_teams(seen) if has_text(query.sought, each.name, each.description)]
    rosters = ports.rosters.list_rosters([each.team_id for each in teams[query.page]])
    items = [to_team_response(roster.team, len(roster.members)) for roster in rosters]
    return TeamsOut(items=items, total=len(teams))


def _agents(query: DiscoverQuery, own: Sequence[Agent], stats: NetworkStats, *, market: Listings) -> AgentItemsOut:
    page, found = query.page, matching_installed(own, query.sought)
    first, last = max(0, page.start - len(found)), max(0, page.stop - len(found))
    total = stats.agents_shown
    entries: list[AgentEntry] = []
    if query.sought:
        shown = _in_shown_instances(market.iterate_active(), stats)
        entries = [entry for entry in shown if entry.has_text(query.sought)]
        entries, total = entries[first:last], len(entries)
    elif last and first < total:
        entries = list(islice(_in_shown_instances(market.iterate_active(most=last), stats), first, last))
    items: list[AgentItemOut] = [to_installed_agent_response(each) for each in found[page]]
    items += [to_listed_agent_response(each) for each in market.find_entries(entries)]
    return AgentItemsOut(items=_fitting(items), total=len(found) + total)


def _in_shown_instances(entries: Iterable[AgentEntry], stats: NetworkStats) -> Iterator[AgentEntry]:
    return (entry for entry in entries if entry.instance_id in stats.shown)


def _fitting(items: Iterable[Item]) -> list[Item]:
    fitting: list[Item] = []
    room = LARGEST_PAGE
    for item in items:
        room -= len(item.model_dump_json().encode())
        if room < 0 and fitting:
            break
        fitting.append(item)
    return fitting
