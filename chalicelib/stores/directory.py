"""The table `directory`: people, integrators, projects and their members.

USER#<id>         / USER         email, name, active, orgAdmin
EMAIL#<email>     / USER         userId: one person an address
INTEGRATOR#<slug> / INTEGRATOR   id, name, eventPrefix, createdAt
PROJECT#<slug>    / PROJECT      id, name, teamId
PROJECT#<slug>    / MEMBER#<id>  admin
"""

from datetime import datetime
from typing import Any

from chalicelib.aws import dynamodb
from chalicelib.domain.directory import Integrator, Person, Project
from chalicelib.domain.errors import Conflict, Unavailable
from chalicelib.domain.fields import timestamp
from chalicelib.domain.projects import ProjectAccess
from chalicelib.resources import DIRECTORY
from chalicelib.stores.items import Row, from_item, to_item
from chalicelib.stores.writes import Action, Refused, commit, pause

_ATTEMPTS = 6


class DynamoDirectory:
    def find_access(self, slug: str, *, sender_id: str, recipient_id: str | None) -> ProjectAccess | None:
        """What the project `slug` says of a sender and a recipient; None when there is none. One store call."""
        project, sender = _key(f"PROJECT#{slug}", "PROJECT"), _key(f"PROJECT#{slug}", f"MEMBER#{sender_id}")
        person, recipient = (
            _key(f"USER#{sender_id}", "USER"),
            _key(f"PROJECT#{slug}", f"MEMBER#{recipient_id}"),
        )
        rows = self._get_all([project, sender, person] + ([recipient] if recipient not in (sender, project) else []))
        if (found := rows.get(_name(project))) is None:
            return None
        administers = rows.get(_name(sender), {}).get("admin") or rows.get(_name(person), {}).get("orgAdmin")
        return ProjectAccess(found["id"], bool(administers), recipient_id is None or _name(recipient) in rows)

    def find_integrator(self, slug: str) -> Integrator | None:
        """The integrator `slug`. One store call."""
        got = dynamodb().get_item(
            TableName=DIRECTORY.physical_name,
            Key=to_item(_key(f"INTEGRATOR#{slug}", "INTEGRATOR")),
            ConsistentRead=True,
        )
        if "Item" not in got:
            return None
        row = from_item(dict(got["Item"]))
        return Integrator(row["id"], slug, row["name"], row["eventPrefix"])

    def add_person(self, person: Person) -> None:
        """Store a person and claim the e-mail address; Conflict when either is taken."""
        row = {
            "email": person.email,
            "name": person.name,
            "active": person.active,
            "orgAdmin": person.org_admin,
        }
        self._add_all(
            _key(f"USER#{person.user_id}", "USER") | row,
            _key(f"EMAIL#{person.email}", "USER") | {"userId": person.user_id},
        )

    def add_integrator(self, integrator: Integrator, *, now: datetime) -> None:
        """Store an integrator; Conflict when its slug is taken."""
        row = {
            "id": integrator.integrator_id,
            "name": integrator.name,
            "eventPrefix": integrator.event_prefix,
            "createdAt": timestamp(now),
        }
        self._add_all(_key(f"INTEGRATOR#{integrator.slug}", "INTEGRATOR") | row)

    def add_project(self, project: Project) -> None:
        """Store a project with its members; Conflict when its slug is taken."""
        row = {"id": project.project_id, "name": project.name, "teamId": project.team_id}
        members = [
            _key(f"PROJECT#{project.slug}", f"MEMBER#{user_id}") | {"admin": user_id in project.admins}
            for user_id in project.members
        ]
        self._add_all(_key(f"PROJECT#{project.slug}", "PROJECT") | row, *members)

    def _add_all(self, *rows: Row) -> None:
        puts: list[Action] = [
            {
                "Put": {
                    "TableName": DIRECTORY.physical_name,
                    "Item": to_item(row),
                    "ConditionExpression": "attribute_not_exists(pk)",
                }
            }
            for row in rows
        ]
        try:
            commit(puts, claim=None, reply={})
        except Refused as refused:
            raise Conflict("One of these is taken already.") from refused

    def _get_all(self, keys: list[Row]) -> dict[str, Row]:
        table = DIRECTORY.physical_name
        rows: dict[str, Row] = {}
        pending: Any = {"Keys": [to_item(key) for key in keys], "ConsistentRead": True}
        for attempt in range(_ATTEMPTS):
            got = dynamodb().batch_get_item(RequestItems={table: pending})
            for item in got["Responses"].get(table, []):
                row = from_item(dict(item))
                rows[_name(row)] = row
            pending = got.get("UnprocessedKeys", {}).get(table)
            if not pending:
                return rows
            pause(attempt)
        raise Unavailable("The directory did not answer in full.")


def _key(pk: str, sk: str) -> Row:
    return {"pk": pk, "sk": sk}


def _name(row: Row) -> str:
    return f"{row['pk']}\n{row['sk']}"
