"""Projects as somebody sees them, read from the rows that `directory` writes."""

from collections.abc import Sequence

from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get_all, query_partition
from chalicelib.people.domain.projects import ProjectRole, ProjectStanding
from chalicelib.resources import DIRECTORY

_PROJECT = "PROJECT#"


class DynamoProjects:
    def list_slugs(self, user_id: str | None) -> Sequence[str]:
        """The slugs of the projects that the person belongs to, or of all, in order. One store call a megabyte."""
        pk, prefix = ("PROJECTS", "") if user_id is None else (f"USER#{user_id}", _PROJECT)
        return [row["sk"].removeprefix(_PROJECT) for row in query_partition(DIRECTORY, pk, prefix)]

    def find_standings(self, slugs: Sequence[str], user_id: str) -> Sequence[ProjectStanding]:
        """Those of the projects that exist, in the order of `slugs`, and what the person is in each.

        One store call a fifty, made at the same time.
        """
        keys = [{"pk": f"{_PROJECT}{slug}", "sk": sk} for slug in slugs for sk in ("PROJECT", f"MEMBER#{user_id}")]
        rows = {(row["pk"], row["sk"]): row for row in get_all(DIRECTORY, keys)}
        return [_standing(rows, slug, user_id) for slug in slugs if (f"{_PROJECT}{slug}", "PROJECT") in rows]


def _standing(rows: dict[tuple[str, str], Row], slug: str, user_id: str) -> ProjectStanding:
    pk = f"{_PROJECT}{slug}"
    project, member = rows[pk, "PROJECT"], rows.get((pk, f"MEMBER#{user_id}"))
    role = None if member is None else ProjectRole.ADMIN if member["admin"] else ProjectRole.MEMBER
    return ProjectStanding(project["id"], slug, project["name"], project["teamId"], role)
