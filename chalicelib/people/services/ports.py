"""Ports of people: services depend on them, stores and gateways provide them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from chalicelib.core.domain.idempotency import Claim, StoredReply
    from chalicelib.core.ports import Action
    from chalicelib.people.domain.directory import (
        Integrator,
        Memberships,
        Person,
        Project,
        Roster,
        Team,
        TeamVisibility,
        Visibility,
    )
    from chalicelib.people.domain.person_card import PersonCard
    from chalicelib.people.domain.project_access import ProjectAccess


class People(Protocol):
    """Finds people by id and by address."""

    def find_person(self, user_id: str) -> Person | None: ...
    def find_person_by_email(self, email: str) -> Person | None: ...
    def find_user_ids(self, emails: Iterable[str]) -> dict[str, str]: ...
    def find_people(self, user_ids: Iterable[str]) -> dict[str, Person]: ...


class Employees(People, Protocol):
    """Registers people, and changes whether they are active and operators."""

    def add_person(
        self,
        person: Person,
        *,
        along: Sequence[Action] = (),
        claim: Claim | None = None,
        reply: StoredReply | None = None,
    ) -> None: ...
    def set_active(self, user_id: str, *, active: bool, while_operator: str | None = None) -> None: ...
    def change_person(
        self,
        user_id: str,
        *,
        name: str | None = None,
        operator: bool | None = None,
        along: Sequence[Action] = (),
        while_operator: str | None = None,
    ) -> Person: ...


class ProjectAccessReader(Protocol):
    """Finds the access of a sender and a recipient to a project."""

    def find_access(self, slug: str, *, sender_id: str, recipient_id: str | None) -> ProjectAccess | None: ...


class Directory(People, ProjectAccessReader, Protocol):
    """Finds people and projects."""

    def find_project(self, slug: str) -> Project | None: ...


class Teams(Protocol):
    """Finds teams and their members."""

    def find_memberships(self, user_id: str) -> Memberships: ...
    def own_team_ids(self, user_id: str) -> list[str]: ...
    def list_rosters(self, team_ids: Sequence[str]) -> list[Roster]: ...


class Profiles(Protocol):
    """Reads and saves people's profiles."""

    def find_profile(self, user_id: str) -> tuple[dict[str, Any], int]: ...
    def save_profile(
        self,
        user_id: str,
        profile: dict[str, Any],
        *,
        over: dict[str, Any],
        seen: int,
        at: str,
        claim: Claim | None,
        reply: StoredReply,
    ) -> bool: ...


class Integrators(Protocol):
    """Finds, adds and changes integrators."""

    def find_integrator(self, slug: str) -> Integrator | None: ...
    def add_integrator(
        self, integrator: Integrator, *, claim: Claim | None = None, reply: StoredReply | None = None
    ) -> None: ...
    def save_integrator(
        self, integrator: Integrator, *, over: Integrator, claim: Claim | None, reply: StoredReply
    ) -> bool: ...
    def list_integrators(self) -> list[Integrator]: ...


class ListingCounts(Protocol):
    """Counts the people and teams that a directory listing shows."""

    @property
    def people(self) -> int: ...
    @property
    def teams(self) -> int: ...
    def people_with(self, visibilities: Sequence[Visibility]) -> int: ...


class DirectoryListing(Protocol):
    """Lists the people and teams that are visible to a caller."""

    def counts(self) -> ListingCounts: ...
    def iterate_people(self, visibilities: Sequence[Visibility], *, most: int | None) -> Iterator[PersonCard]: ...
    def list_teams(self, visibilities: Sequence[TeamVisibility]) -> list[Team]: ...
