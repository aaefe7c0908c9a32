"""Keys of the table `directory` (see directory), and the reads of operations that must start fast."""

from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import check
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get_all
from chalicelib.people.domain.project_access import ProjectAccess
from chalicelib.resources import DIRECTORY

INTEGRATORS, MEMBER, PEOPLE = "INTEGRATORS", "MEMBER#", "PEOPLE"
# Sort keys of a person's browser push subscriptions.
PUSH_SUBSCRIPTION = "PUSH#"


class DynamoProjectAccess:
    def find_access(self, slug: str, *, sender_id: str, recipient_id: str | None) -> ProjectAccess | None:
        """Find the access of sender and recipient to a project; None if the project is unknown. One store call."""
        project, sender = project_key(slug), member_key(slug, sender_id)
        person, recipient = person_key(sender_id), member_key(slug, str(recipient_id))
        rows = rows_by_name([project, sender, person] + ([recipient] if recipient not in (sender, project) else []))
        if (row := rows.get(row_name(project))) is None:
            return None
        administers = rows.get(row_name(sender), {}).get("admin") or rows.get(row_name(person), {}).get("orgAdmin")
        administers = administers and rows.get(row_name(person), {}).get("active")
        return ProjectAccess(row["id"], bool(administers), recipient_id is None or row_name(recipient) in rows)


def has_relaxed_event_types(integrator: str) -> bool:
    """Whether the integrator may publish event types of one segment. One store call."""
    return any(row.get("relaxedEventTypes", True) for row in get_all(DIRECTORY, [integrator_key(integrator)]))


def has_always_critical(integrator: str) -> bool:
    """Whether people can't mute the integrator's critical events. One store call."""
    return any(row.get("alwaysCritical", False) for row in get_all(DIRECTORY, [integrator_key(integrator)]))


def active_person_check(user_id: str) -> Action:
    """Check, within a transaction, that the person is an active employee."""
    return check(DIRECTORY, person_key(user_id), "active = :yes", yes=True)


def rows_by_name(keys: list[Row]) -> dict[str, Row]:
    return {row_name(row): row for row in get_all(DIRECTORY, keys)}


def team_key(team_id: str) -> Row:
    return row_key(f"TEAM#{team_id}", "TEAM")


def person_key(user_id: str) -> Row:
    return row_key(f"USER#{user_id}", "USER")


def address_key(email: str) -> Row:
    return row_key(f"EMAIL#{email}", "USER")


def integrator_key(slug: str) -> Row:
    return row_key(INTEGRATORS, slug)


def project_key(slug: str) -> Row:
    return row_key(f"PROJECT#{slug}", "PROJECT")


def member_key(slug: str, user_id: str) -> Row:
    return row_key(f"PROJECT#{slug}", f"{MEMBER}{user_id}")


def row_key(pk: str, sk: str) -> Row:
    return {"pk": pk, "sk": sk}


def row_name(row: Row) -> str:
    return f"{row['pk']}\n{row['sk']}"
