"""What publishing and other operations in a hurry ask of the table `directory` (see directory), and its keys."""

from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import check
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get_all
from chalicelib.people.domain.project_access import ProjectAccess
from chalicelib.resources import DIRECTORY

MEMBER = "MEMBER#"
# Sort keys of a person's browser push subscriptions.
PUSH_SUBSCRIPTION = "PUSH#"


class DynamoProjectAccess:
    def find_access(self, slug: str, *, sender_id: str, recipient_id: str | None) -> ProjectAccess | None:
        """What the project `slug` says of a sender and a recipient; None when there is none. One store call."""
        project, sender = project_key(slug), member_key(slug, sender_id)
        person, recipient = person_key(sender_id), member_key(slug, str(recipient_id))
        rows = named_rows([project, sender, person] + ([recipient] if recipient not in (sender, project) else []))
        if (row := rows.get(name_of(project))) is None:
            return None
        administers = rows.get(name_of(sender), {}).get("admin") or rows.get(name_of(person), {}).get("orgAdmin")
        administers = administers and rows.get(name_of(person), {}).get("active")
        return ProjectAccess(row["id"], bool(administers), recipient_id is None or name_of(recipient) in rows)


def active_person_check(user_id: str) -> Action:
    """The part of a transaction that holds only while the person is an active employee."""
    return check(DIRECTORY, person_key(user_id), "active = :yes", yes=True)


def named_rows(keys: list[Row]) -> dict[str, Row]:
    return {name_of(row): row for row in get_all(DIRECTORY, keys)}


def team_key(team_id: str) -> Row:
    return key_of(f"TEAM#{team_id}", "TEAM")


def person_key(user_id: str) -> Row:
    return key_of(f"USER#{user_id}", "USER")


def address_key(email: str) -> Row:
    return key_of(f"EMAIL#{email}", "USER")


def project_key(slug: str) -> Row:
    return key_of(f"PROJECT#{slug}", "PROJECT")


def member_key(slug: str, user_id: str) -> Row:
    return key_of(f"PROJECT#{slug}", f"{MEMBER}{user_id}")


def key_of(pk: str, sk: str) -> Row:
    return {"pk": pk, "sk": sk}


def name_of(row: Row) -> str:
    return f"{row['pk']}\n{row['sk']}"
