"""The table `directory`: people, integrators, projects and their members, teams.

USER#<id>      / USER         email, name, active, orgAdmin, operator; visibility, card (see directory_listing)
EMAIL#<email>  / USER         userId; an address belongs to one person
PROJECT#<slug> / PROJECT      id, name, teamId
PROJECT#<slug> / MEMBER#<id>  admin
TEAM#<id>      / TEAM         name, description, type, visibility
INTEGRATORS    / <slug>       id, name, eventPrefix, homepageUrl, description, createdAt, archivedAt, relaxedEventTypes,
                 alwaysCritical

PEOPLE         / <email>      userId
PROJECTS       / <slug>
USER#<id>      / PROJECT#<slug>        teamId
TEAM#<id>      / MEMBER#<id>#<slug>

The last four are lists of the rows above, and are written in one transaction with them. A membership is three rows: by
project, by person and by team. The members of a team are those of its projects. Integrators are few and seldom read,
so they share one partition, which is their list too.

For the columns by which strangers find people and teams, and their counts, see directory_listing.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import EXISTS, assignments, check, delete, put, put_new, update
from chalicelib.core.stores.audit_trail import note_changes
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get_all, query_partition
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.people.domain.directory import Integrator, Project, Team
from chalicelib.people.stores.directory_listing import count_added, team_listing
from chalicelib.people.stores.directory_rows import (
    INTEGRATORS,
    MEMBER,
    DynamoProjectAccess,
    integrator_key,
    member_key,
    project_key,
    row_key,
    team_key,
)
from chalicelib.people.stores.employees import DynamoEmployees
from chalicelib.people.stores.teams import TEAM
from chalicelib.resources import DIRECTORY

_PROJECTS = "PROJECTS"
# The columns of an integrator that can change.
_EDITABLE = ("name", "homepageUrl", "description", "relaxedEventTypes", "alwaysCritical")

_INTEGRATOR = Codec(Integrator, {"integrator_id": "id"}, without=("slug", "archived_at"))


class DynamoDirectory(DynamoEmployees, DynamoProjectAccess):
    def add_integrator(
        self, integrator: Integrator, *, claim: Claim | None = None, reply: dict[str, Any] | None = None
    ) -> None:
        """Store a new integrator; Conflict if its slug is taken. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        row = integrator_key(integrator.slug) | _INTEGRATOR.to_row(integrator)
        try:
            commit([put_new(DIRECTORY, row)], claim=claim, reply=reply, audited=True)
        except Refused as refused:
            raise Conflict(f"Another integrator already has the slug {integrator.slug}.") from refused

    def list_integrators(self) -> list[Integrator]:
        """List all integrators, also archived ones, by slug. One store call."""
        return [_integrator_from_row(row) for row in query_partition(DIRECTORY, INTEGRATORS)]

    def find_integrator(self, slug: str) -> Integrator | None:
        """Find an integrator by slug. One store call."""
        rows = get_all(DIRECTORY, [integrator_key(slug)])
        return _integrator_from_row(rows[0]) if rows else None

    def save_integrator(
        self, integrator: Integrator, *, over: Integrator, claim: Claim | None, reply: dict[str, Any]
    ) -> bool:
        """Replace `over` by `integrator`; False if it changed since it was read, or is archived. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        columns, seen = _INTEGRATOR.to_row(integrator), _INTEGRATOR.to_row(over)
        change = update(
            DIRECTORY,
            integrator_key(integrator.slug),
            f"SET {assignments(_EDITABLE)}",
            " AND ".join(["attribute_not_exists(archivedAt)", *map(_is_unchanged, _EDITABLE)]),
            **{name: columns[name] for name in _EDITABLE},
            **{f"seen_{name}": seen[name] for name in _EDITABLE},
        )
        note_changes({name: seen[name] for name in _EDITABLE}, {name: columns[name] for name in _EDITABLE})
        return try_commit([change], claim=claim, reply=reply, audited=True)

    def archive_integrator(self, slug: str, *, at: str) -> None:
        """Archive an integrator; an archived one keeps its time. One store call.

        Raises:
            NotFound: the integrator is unknown.
        """
        key = integrator_key(slug)
        archived = update(DIRECTORY, key, "SET archivedAt = if_not_exists(archivedAt, :at)", EXISTS, at=at)
        if not try_commit([archived], audited=True):
            raise NotFound(f"Integrator {slug} not found.")

    def add_project(self, project: Project, team: Team | None) -> None:
        """Store a new project with at most 32 members and a new team; with None it joins an existing team.

        One store call.

        Raises:
            Conflict: the slug is taken.
            NotFound: the team to join is unknown.
        """
        rows = [
            project_key(project.slug) | {"id": project.project_id, "name": project.name, "teamId": project.team_id},
            row_key(_PROJECTS, project.slug),
        ]
        for user_id in sorted(project.members):
            rows += membership_rows(project.slug, project.team_id, user_id, admin=user_id in project.admins)
        if team is not None:
            row = team_key(team.team_id) | TEAM.to_row(team) | team_listing(team)
            counts = [count_added(teams=[team.visibility])]
            if not try_commit([*_put_all([row, *rows]), *counts]):
                raise Conflict(f"Another project already has the slug {project.slug}.")
            return
        try:
            commit([check(DIRECTORY, team_key(project.team_id), EXISTS), *_put_all(rows)])
        except Refused as refused:
            if 0 in refused.failed:
                raise NotFound("No team has this id.") from refused
            raise Conflict(f"Another project already has the slug {project.slug}.") from refused

    def list_projects(self) -> list[Project]:
        """List all projects with their members, by slug. One store call, and one per project."""
        projects = (self.find_project(row["sk"]) for row in query_partition(DIRECTORY, _PROJECTS))
        return [project for project in projects if project is not None]

    def find_project(self, slug: str) -> Project | None:
        """Find a project with its members. One store call."""
        rows = {row["sk"]: row for row in query_partition(DIRECTORY, f"PROJECT#{slug}")}
        if (row := rows.pop("PROJECT", None)) is None:
            return None
        members = {sk.removeprefix(MEMBER): member["admin"] for sk, member in rows.items() if sk.startswith(MEMBER)}
        admins = frozenset(user_id for user_id, admin in members.items() if admin)
        return Project(row["id"], slug, row["name"], row["teamId"], frozenset(members), admins)

    def find_team_ids(self, slugs: Iterable[str]) -> dict[str, str]:
        """Find the teams of the projects that exist, by slug. One store call per hundred, made at the same time."""
        rows = get_all(DIRECTORY, map(project_key, slugs))
        return {row["pk"].partition("#")[2]: row["teamId"] for row in rows}

    def find_members(self, pairs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
        """Find which pairs of a slug and a user id are members. One store call per hundred, made at the same time."""
        rows = get_all(DIRECTORY, (member_key(slug, user_id) for slug, user_id in pairs), ["pk", "sk"])
        return {(row["pk"].partition("#")[2], row["sk"].removeprefix(MEMBER)) for row in rows}

    def member_actions(self, team_ids: Mapping[str, str], user_id: str) -> list[Action]:
        """The actions by which a person joins projects, by slug with their teams, where they are no members yet."""
        joined = (membership_rows(slug, team_id, user_id, admin=False) for slug, team_id in team_ids.items())
        return _put_all(row for rows in joined for row in rows)

    def add_member(self, slug: str, user_id: str, *, admin: bool) -> None:
        """Add a member to the project, or change the member's role. Two store calls.

        Raises:
            NotFound: the project is unknown.
        """
        # Projects are never deleted or moved to another team, so the team can be read before the write.
        rows = membership_rows(slug, _team_of(slug), user_id, admin=admin)
        commit([put(DIRECTORY, row) for row in rows])

    def remove_member(self, slug: str, user_id: str) -> None:
        """Remove a member. Two store calls.

        Raises:
            NotFound: the project or the member is unknown.
        """
        keys = [
            {"pk": row["pk"], "sk": row["sk"]} for row in membership_rows(slug, _team_of(slug), user_id, admin=False)
        ]
        if not try_commit([delete(DIRECTORY, key, EXISTS) for key in keys]):
            raise NotFound(f"This person is not a member of the project {slug}.")


def _put_all(rows: Iterable[Row]) -> list[Action]:
    return [put_new(DIRECTORY, row) for row in rows]


def _team_of(slug: str) -> str:
    rows = get_all(DIRECTORY, [project_key(slug)])
    if not rows:
        raise NotFound(f"Project {slug} not found.")
    return str(rows[0]["teamId"])


def membership_rows(slug: str, team_id: str, user_id: str, *, admin: bool) -> list[Row]:
    """The rows of a membership: by project, by person, and by team."""
    return [
        member_key(slug, user_id) | {"admin": admin},
        row_key(f"USER#{user_id}", f"PROJECT#{slug}") | {"teamId": team_id},
        row_key(f"TEAM#{team_id}", f"{MEMBER}{user_id}#{slug}"),
    ]


def _is_unchanged(name: str) -> str:
    # Rows that were stored before there was an attribute lack it.
    return f"(#{name} = :seen_{name} OR attribute_not_exists(#{name}))"


def _integrator_from_row(row: Row) -> Integrator:
    return _INTEGRATOR.from_row(row, slug=row["sk"], archived_at=row.get("archivedAt"))
