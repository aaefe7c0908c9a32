"""The table `directory`: people, integrators, projects and their members, teams.

USER#<id>      / USER         email, name, active, orgAdmin, operator; visibility, card (see directory_listing)
EMAIL#<email>  / USER         userId: one person an address
PROJECT#<slug> / PROJECT      id, name, teamId
PROJECT#<slug> / MEMBER#<id>  admin
TEAM#<id>      / TEAM         name, description, type, visibility
INTEGRATORS    / <slug>       id, name, eventPrefix, homepageUrl, description, createdAt, archivedAt

PEOPLE         / <email>      userId
PROJECTS       / <slug>
USER#<id>      / PROJECT#<slug>        teamId
TEAM#<id>      / MEMBER#<id>#<slug>

The last four list what the rows above hold, and are written in one transaction with them: a membership is three
rows, found by its project, by its person and by its team. A team's members are those of its projects. Integrators are
few and read by nothing that is in a hurry, so their one partition is both the rows and the list.

For the columns by which strangers find people and teams, and their counts, see directory_listing.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import EXISTS, assignments, check, delete, put, put_new, update
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get_all, query_partition
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.people.domain.directory import Integrator, Person, Project, Team, Visibility
from chalicelib.people.stores.directory_listing import count_added, person_listing, set_active_actions, team_listing
from chalicelib.people.stores.directory_rows import (
    MEMBER,
    DynamoProjectAccess,
    address_key,
    key_of,
    member_key,
    person_key,
    project_key,
    team_key,
)
from chalicelib.people.stores.teams import TEAM
from chalicelib.resources import DIRECTORY

_INTEGRATORS, _PEOPLE, _PROJECTS = "INTEGRATORS", "PEOPLE", "PROJECTS"
# What a change of an integrator may change.
_EDITABLE = ("name", "homepageUrl", "description")

_PERSON = Codec(Person, without=("user_id",))
_INTEGRATOR = Codec(Integrator, {"integrator_id": "id"}, without=("slug", "archived_at"))


class DynamoDirectory(DynamoProjectAccess):
    def add_person(self, person: Person) -> None:
        """Store a person and claim the e-mail address; Conflict when either is taken. One store call."""
        visible = person_listing(person.user_id, Visibility.CONNECTIONS, listed=person.active)
        _add_all(
            f"There is an employee with the address {person.email} already.",
            person_key(person.user_id) | _PERSON.to_row(person) | visible,
            address_key(person.email) | {"userId": person.user_id},
            key_of(_PEOPLE, person.email) | {"userId": person.user_id},
            counts=[count_added(people=Visibility.CONNECTIONS)] if person.active else [],
        )

    def find_person(self, user_id: str) -> Person | None:
        """The person with this id. One store call."""
        return self.find_people([user_id]).get(user_id)

    def find_person_by_email(self, email: str) -> Person | None:
        """The person with this lower-case address. Two store calls; one when there is none."""
        rows = get_all(DIRECTORY, [address_key(email)])
        return self.find_people([rows[0]["userId"]]).get(rows[0]["userId"]) if rows else None

    def find_user_ids(self, emails: Iterable[str]) -> dict[str, str]:
        """User ids by address, of the lower-case addresses that somebody has. Store calls in sequence: 1."""
        rows = get_all(DIRECTORY, map(address_key, emails))
        return {row["pk"].removeprefix("EMAIL#"): row["userId"] for row in rows}

    def find_people(self, user_ids: Iterable[str]) -> dict[str, Person]:
        """Those of the people that exist, by id. One store call per hundred, made at the same time."""
        people = map(person_from_row, get_all(DIRECTORY, map(person_key, sorted(set(user_ids)))))
        return {person.user_id: person for person in people}

    def list_people(self) -> list[Person]:
        """Everyone, by address. Two store calls; more when there are hundreds."""
        people = self.find_people(row["userId"] for row in query_partition(DIRECTORY, _PEOPLE))
        return sorted(people.values(), key=lambda person: person.email)

    def set_active(self, user_id: str, *, active: bool) -> None:
        """Say whether the person belongs to the organisation. Two store calls; one when it is so already.

        Raises:
            NotFound: there is no such person.
            Unavailable: it is being changed by many calls at once.
        """
        attempts = Attempts("The employee is being changed by many calls at once.")
        while attempts.again():
            rows = get_all(DIRECTORY, [person_key(user_id)])
            if not rows:
                raise NotFound("No such employee.")
            if rows[0]["active"] == active or try_commit(set_active_actions(rows[0], active=active)):
                return

    def is_operator(self, user_id: str) -> bool:
        """Whether the person runs the desk, and belongs to it still. One store call."""
        person = self.find_person(user_id)
        return person is not None and person.active and person.operator

    def set_operator(self, user_id: str, *, operator: bool) -> None:
        """Say whether the person runs the desk. One store call.

        Raises:
            NotFound: there is no such person.
        """
        change = update(DIRECTORY, person_key(user_id), "SET #operator = :operator", EXISTS, operator=operator)
        if not try_commit([change]):
            raise NotFound("No such employee.")

    def add_integrator(
        self, integrator: Integrator, *, claim: Claim | None = None, reply: dict[str, Any] | None = None
    ) -> None:
        """Store an integrator; Conflict when its slug is taken. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        row = key_of(_INTEGRATORS, integrator.slug) | _INTEGRATOR.to_row(integrator)
        if not try_commit([put_new(DIRECTORY, row)], claim=claim, reply=reply):
            raise Conflict(f"There is an integrator {integrator.slug} already.")

    def list_integrators(self) -> list[Integrator]:
        """Every integrator, archived ones too, by slug. One store call."""
        return [_integrator_from_row(row) for row in query_partition(DIRECTORY, _INTEGRATORS)]

    def find_integrator(self, slug: str) -> Integrator | None:
        """The integrator `slug`. One store call."""
        rows = get_all(DIRECTORY, [key_of(_INTEGRATORS, slug)])
        return _integrator_from_row(rows[0]) if rows else None

    def save_integrator(
        self, integrator: Integrator, *, over: Integrator, claim: Claim | None, reply: dict[str, Any]
    ) -> bool:
        """Tell something else of an integrator than before; False when it is told otherwise by now. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        columns, seen = _INTEGRATOR.to_row(integrator), _INTEGRATOR.to_row(over)
        change = update(
            DIRECTORY,
            key_of(_INTEGRATORS, integrator.slug),
            f"SET {assignments(_EDITABLE)}",
            " AND ".join(["attribute_not_exists(archivedAt)", *(f"#{name} = :seen_{name}" for name in _EDITABLE)]),
            **{name: columns[name] for name in _EDITABLE},
            **{f"seen_{name}": seen[name] for name in _EDITABLE},
        )
        return try_commit([change], claim=claim, reply=reply)

    def archive_integrator(self, slug: str, *, at: str) -> None:
        """Take an integrator out of the list; the first time stays. One store call.

        Raises:
            NotFound: there is no such integrator.
        """
        key = key_of(_INTEGRATORS, slug)
        if not try_commit([update(DIRECTORY, key, "SET archivedAt = if_not_exists(archivedAt, :at)", EXISTS, at=at)]):
            raise NotFound(f"There is no integrator {slug}.")

    def add_project(self, project: Project, team: Team | None) -> None:
        """Store a project with its members, at most 32, and with its team; with None it joins one. One store call.

        Raises:
            Conflict: the slug is taken.
            NotFound: there is no such team to join.
        """
        rows = [
            project_key(project.slug) | {"id": project.project_id, "name": project.name, "teamId": project.team_id},
            key_of(_PROJECTS, project.slug),
        ]
        for user_id in sorted(project.members):
            rows += _membership(project.slug, project.team_id, user_id, admin=user_id in project.admins)
        if team is not None:
            row = team_key(team.team_id) | TEAM.to_row(team) | team_listing(team)
            counts = [count_added(teams=team.visibility)]
            _add_all(f"There is a project {project.slug} already.", row, *rows, counts=counts)
            return
        try:
            commit([check(DIRECTORY, team_key(project.team_id), EXISTS), *_put_all(rows)])
        except Refused as refused:
            if 0 in refused.failed:
                raise NotFound("There is no such team.") from refused
            raise Conflict(f"There is a project {project.slug} already.") from refused

    def list_projects(self) -> list[Project]:
        """Every project with its members, by slug. One store call, and one per project."""
        projects = (self.find_project(row["sk"]) for row in query_partition(DIRECTORY, _PROJECTS))
        return [project for project in projects if project is not None]

    def find_project(self, slug: str) -> Project | None:
        """The project `slug` with its members. One store call."""
        rows = {row["sk"]: row for row in query_partition(DIRECTORY, f"PROJECT#{slug}")}
        if (row := rows.pop("PROJECT", None)) is None:
            return None
        members = {sk.removeprefix(MEMBER): member["admin"] for sk, member in rows.items() if sk.startswith(MEMBER)}
        admins = frozenset(user_id for user_id, admin in members.items() if admin)
        return Project(row["id"], slug, row["name"], row["teamId"], frozenset(members), admins)

    def add_member(self, slug: str, user_id: str, *, admin: bool) -> None:
        """Make the person a member of the project, or change whether it is an administrator. Two store calls.

        Raises:
            NotFound: there is no such project.
        """
        # A project stays, and stays in its team, so what is read here still holds when the rows are written.
        rows = _membership(slug, _team_of(slug), user_id, admin=admin)
        commit([put(DIRECTORY, row) for row in rows])

    def remove_member(self, slug: str, user_id: str) -> None:
        """End a membership. Two store calls.

        Raises:
            NotFound: there is no such project, or no such member.
        """
        keys = [{"pk": row["pk"], "sk": row["sk"]} for row in _membership(slug, _team_of(slug), user_id, admin=False)]
        if not try_commit([delete(DIRECTORY, key, EXISTS) for key in keys]):
            raise NotFound(f"The project {slug} has no such member.")


def _add_all(taken: str, *rows: Row, counts: Sequence[Action] = ()) -> None:
    if not try_commit([*_put_all(rows), *counts]):
        raise Conflict(taken)


def _put_all(rows: Iterable[Row]) -> list[Action]:
    return [put_new(DIRECTORY, row) for row in rows]


def _team_of(slug: str) -> str:
    rows = get_all(DIRECTORY, [project_key(slug)])
    if not rows:
        raise NotFound(f"There is no project {slug}.")
    return str(rows[0]["teamId"])


def _membership(slug: str, team_id: str, user_id: str, *, admin: bool) -> list[Row]:
    """The rows of one membership: by its project, its person, its team."""
    return [
        member_key(slug, user_id) | {"admin": admin},
        key_of(f"USER#{user_id}", f"PROJECT#{slug}") | {"teamId": team_id},
        key_of(f"TEAM#{team_id}", f"{MEMBER}{user_id}#{slug}"),
    ]


def person_from_row(row: Row) -> Person:
    """Convert a person's row."""
    return _PERSON.from_row(row, user_id=row["pk"].partition("#")[2])


def _integrator_from_row(row: Row) -> Integrator:
    return _INTEGRATOR.from_row(row, slug=row["sk"], archived_at=row.get("archivedAt"))
