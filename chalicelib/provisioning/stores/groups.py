"""Groups of a company's directory and their mapping, in the table `directory` (see directory).

GROUPS         / <group id>            name, externalId, createdAt, changedAt, revision, complete
GROUPNAMES     / <name, folded>        groupId; a name belongs to one group
GROUP#<id>     / MEMBER#<user id>
USER#<user id> / GROUP#<group id>      the same by person
GROUPMAPPINGS  / <name, folded>        name, projects, operator: what membership gives

Both rows of a membership are written in one transaction with what it gives: project memberships (see directory), and
the person's rights as an operator.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.core.domain.errors import Conflict
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import EXISTS, delete, put, put_new, update
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get_all, query_partition
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.people.stores.directory import membership_rows
from chalicelib.people.stores.directory_rows import MEMBER, person_key, project_key, row_key
from chalicelib.provisioning.domain.changes import Changed, NameTaken
from chalicelib.provisioning.domain.groups import Group, GroupMapping, Holdings, RightsChange
from chalicelib.resources import DIRECTORY

_GROUPS, _NAMES, _MAPPINGS, _GROUP, _PROJECT = "GROUPS", "GROUPNAMES", "GROUPMAPPINGS", "GROUP#", "PROJECT#"
_CODEC = Codec(Group, without=("group_id", "members"))
_MAPPING = Codec(GroupMapping)


@dataclass(frozen=True)
class DynamoGroups:
    def find(self, group_id: str, *, with_members: bool) -> Group | None:
        """Find a group. One store call; with its members two, at least."""
        rows = get_all(DIRECTORY, [row_key(_GROUPS, group_id)])
        return self._read(rows[0], with_members=with_members) if rows else None

    def with_members(self, group: Group) -> Group:
        """Return the group with its members. One store call per megabyte."""
        return self._read(row_key(_GROUPS, group.group_id) | _CODEC.to_row(group), with_members=True)

    def list_all(self) -> list[Group]:
        """List all groups, by name, without their members. One store call per megabyte."""
        found = (self._read(row, with_members=False) for row in query_partition(DIRECTORY, _GROUPS))
        return sorted(found, key=lambda each: (each.key, each.group_id))

    def find_id_by_name(self, key: str) -> str | None:
        """Find the id of the group with this folded name. One store call."""
        rows = get_all(DIRECTORY, [row_key(_NAMES, key)])
        return str(rows[0]["groupId"]) if rows else None

    def add(self, group: Group) -> None:
        """Store a new group, without members. One store call.

        Raises:
            NameTaken: another group has the name.
        """
        if not try_commit(
            [
                put_new(DIRECTORY, row_key(_GROUPS, group.group_id) | _CODEC.to_row(group)),
                put_new(DIRECTORY, row_key(_NAMES, group.key) | {"groupId": group.group_id}),
            ]
        ):
            raise NameTaken

    def save(self, group: Group, *, over: Group) -> None:
        """Replace a group, except its members. One store call.

        Raises:
            Changed: the group has changed since it was read.
            NameTaken: another group has the name.
        """
        row = row_key(_GROUPS, group.group_id) | _CODEC.to_row(group)
        actions = [put(DIRECTORY, row, "revision = :seen", seen=over.revision)]
        if group.key != over.key:
            actions.append(put_new(DIRECTORY, row_key(_NAMES, group.key) | {"groupId": group.group_id}))
            actions.append(delete(DIRECTORY, row_key(_NAMES, over.key)))
        try:
            commit(actions, tokened=True)
        except Refused as refused:
            raise (Changed if 0 in refused.failed else NameTaken) from refused

    def remove(self, group: Group) -> None:
        """Delete a group that has no members. One store call.

        Raises:
            Changed: the group has changed since it was read.
        """
        key, name = row_key(_GROUPS, group.group_id), row_key(_NAMES, group.key)
        if not try_commit([delete(DIRECTORY, key, "revision = :seen", seen=group.revision), delete(DIRECTORY, name)]):
            raise Changed

    def find_holdings(self, user_id: str) -> Holdings | None:
        """Find a person's groups, projects and whether they are an operator; None if unknown. One store call."""
        rows = list(query_partition(DIRECTORY, person_key(user_id)["pk"]))
        person = next((row for row in rows if row["sk"] == "USER"), None)
        if person is None:
            return None
        return Holdings(
            groups=frozenset(_after(_GROUP, rows)),
            teams={slug: row["teamId"] for slug, row in _by_slug(rows).items()},
            operator=bool(person.get("operator")),
        )

    def find_teams(self, slugs: frozenset[str]) -> dict[str, str]:
        """Find the team of each of these projects that exists. One store call; none without slugs."""
        rows = get_all(DIRECTORY, map(project_key, sorted(slugs))) if slugs else []
        return {row["pk"].removeprefix(_PROJECT): row["teamId"] for row in rows}

    def change_member(
        self, group_id: str, user_id: str, *, is_member: bool | None, rights: RightsChange, teams: Mapping[str, str]
    ) -> bool:
        """Add or remove a member, and change what the person may, in one transaction; None only does the latter.

        `teams` has the team of each project that is joined or left. False if the person's projects have changed since
        they were read. One store call.
        """
        rows = [row_key(f"{_GROUP}{group_id}", f"{MEMBER}{user_id}")]
        rows.append(row_key(person_key(user_id)["pk"], f"{_GROUP}{group_id}"))
        actions: list[Action] = []
        if is_member is not None:
            actions += [put(DIRECTORY, row) if is_member else delete(DIRECTORY, row) for row in rows]
        for slug in sorted(rights.joins & teams.keys()):
            actions += [put_new(DIRECTORY, row) for row in membership_rows(slug, teams[slug], user_id, admin=False)]
        for slug in sorted(rights.leaves & teams.keys()):
            keys = [row_key(row["pk"], row["sk"]) for row in membership_rows(slug, teams[slug], user_id, admin=False)]
            actions += [delete(DIRECTORY, key, EXISTS) for key in keys]
        if rights.operator is not None:
            change = "SET #operator = :operator"
            actions.append(update(DIRECTORY, person_key(user_id), change, EXISTS, operator=rights.operator))
        return not actions or try_commit(actions, tokened=True)

    def list_mappings(self) -> dict[str, GroupMapping]:
        """List what membership of groups gives, by the groups' folded names. One store call."""
        return {row["sk"]: _MAPPING.from_row(row) for row in query_partition(DIRECTORY, _MAPPINGS)}

    def save_mapping(self, mapping: GroupMapping) -> None:
        """Store what membership of a group gives. One store call."""
        commit([put(DIRECTORY, row_key(_MAPPINGS, mapping.key) | _MAPPING.to_row(mapping))])

    def remove_mapping(self, key: str) -> None:
        """Delete what membership of a group gives. One store call.

        Raises:
            Conflict: there is no such mapping.
        """
        if not try_commit([delete(DIRECTORY, row_key(_MAPPINGS, key), EXISTS)], tokened=True):
            raise Conflict("This group is not mapped. See: scim groups list")

    def _read(self, row: Row, *, with_members: bool) -> Group:
        members = None
        if with_members:
            found = query_partition(DIRECTORY, f"{_GROUP}{row['sk']}")
            members = frozenset(each["sk"].removeprefix(MEMBER) for each in found)
        return _CODEC.from_row(row, group_id=row["sk"], members=members)


def _after(prefix: str, rows: list[Row]) -> list[str]:
    return [row["sk"].removeprefix(prefix) for row in rows if row["sk"].startswith(prefix)]


def _by_slug(rows: list[Row]) -> dict[str, Row]:
    return {row["sk"].removeprefix(_PROJECT): row for row in rows if row["sk"].startswith(_PROJECT)}
