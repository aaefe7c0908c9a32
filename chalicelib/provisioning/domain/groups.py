"""Groups of a company's directory, and what membership of them means on this desk."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chalicelib.provisioning.domain.changes import Unacceptable

MOST_GROUPS = 1000
MOST_MEMBERS = 10_000
# So that the changes of one membership fit into one transaction.
MOST_MAPPED_PROJECTS = 20
_LONGEST_NAME = 256


@dataclass(frozen=True)
class Group:
    """A group. `members` is None where they were not read. It is not `complete` until its first members are there."""

    group_id: str
    name: str
    external_id: str | None = None
    created_at: str = ""
    changed_at: str = ""
    revision: int = 1
    members: frozenset[str] | None = None
    complete: bool = True

    @property
    def key(self) -> str:
        """The name by which the group is found and mapped, without regard to case."""
        return key_of(self.name)

    @property
    def version(self) -> str:
        """A text that changes whenever the group or its members change."""
        return hashlib.sha256(f"{self.group_id}#{self.revision}".encode()).hexdigest()[:24]


@dataclass(frozen=True)
class GroupMapping:
    """What membership of the group of this name gives: projects, by slug, and the rights of an operator."""

    name: str
    projects: frozenset[str] = frozenset()
    operator: bool = False

    @property
    def key(self) -> str:
        return key_of(self.name)


@dataclass(frozen=True)
class Holdings:
    """What a person has: their groups, by id, the team of each of their projects, and the rights of an operator."""

    groups: frozenset[str]
    teams: Mapping[str, str]
    operator: bool


@dataclass(frozen=True)
class RightsChange:
    """What changes for one person: projects to join and to leave, and whether they become an operator, or no longer."""

    joins: frozenset[str] = frozenset()
    leaves: frozenset[str] = frozenset()
    operator: bool | None = None


def key_of(name: str) -> str:
    return " ".join(name.casefold().split())


def check_group(name: str, external_id: str | None, members: Iterable[str]) -> None:
    """Check what a directory sends for a group.

    Raises:
        Unacceptable: the name is blank, something is too long, or there are too many members.
    """
    if not key_of(name) or len(name) > _LONGEST_NAME or len(external_id or "") > _LONGEST_NAME:
        raise Unacceptable(f"displayName and externalId have 1 to {_LONGEST_NAME} characters.")
    if len(set(members)) > MOST_MEMBERS:
        raise Unacceptable(f"A group has at most {MOST_MEMBERS} members.")


def rights_change(
    before: Iterable[str],
    after: Iterable[str],
    mappings: Mapping[str, GroupMapping],
    *,
    has: Iterable[str],
    operator: bool,
) -> RightsChange:
    """Return what a change of somebody's groups, given by their keys, means for the person.

    Only projects of the groups on either side are touched: what no mapping names stays as people set it. `has` are the
    projects that the person is a member of, and `operator` is whether they are one.
    """
    left = [mappings[each] for each in before if each in mappings]
    held = [mappings[each] for each in after if each in mappings]
    wanted = frozenset[str]().union(*(each.projects for each in held))
    lost = frozenset[str]().union(*(each.projects for each in left)) - wanted
    decides = any(each.operator for each in (*left, *held))
    becomes = any(each.operator for each in held)
    return RightsChange(wanted - set(has), lost & set(has), becomes if decides and becomes != operator else None)
