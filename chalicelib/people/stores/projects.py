"""Projects with a person's roles, read from the rows that `directory` writes."""

from collections.abc import Sequence

from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get_all, query_partition
from chalicelib.people.domain.projects import ProjectMembership, ProjectRole
from chalicelib.resources import DIRECTORY

_PROJECT = "PROJECT#"


class DynamoProjects:
    def list_slugs(self, user_id: str | None) -> Sequence[str]:
        """List the slugs of the person's projects, or with None of all, in order. One store call per megabyte."""
        pk, prefix = ("PROJECTS", "") if user_id is None else (f"USER#{user_id}", _PROJECT)
        return [row["sk"].removeprefix(_PROJECT) for row in query_partition(DIRECTORY, pk, prefix)]

    def find_project_memberships(self, slugs: Sequence[str], user_id: str) -> Sequence[ProjectMembership]:
        """Find the projects that exist, in the order of `slugs`, with the person's role in each.

        One store call per fifty, made at the same time.
        """
        keys = [{"pk": f"{_PROJECT}{slug}", "sk": sk} for slug in slugs for sk in ("PROJECT", f"MEMBER#{user_id}")]
        rows = {(row["pk"], row["sk"]): row for row in get_all(DIRECTORY, keys)}
        return [_to_membership(rows, slug, user_id) for slug in slugs if (f"{_PROJECT}{slug}", "PROJECT") in rows]


def _to_membership(rows: dict[tuple[str, str], Row], slug: str, user_id: str) -> ProjectMembership:
    pk = f"{_PROJECT}{slug}"
    project, member = rows[pk, "PROJECT"], rows.get((pk, f"MEMBER#{user_id}"))
    role = None if member is None else ProjectRole.ADMIN if member["admin"] else ProjectRole.MEMBER
    return ProjectMembership(project["id"], slug, project["name"], project["teamId"], role)
