"""Provision groups, and give their members what the groups are mapped to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property, partial

from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.ports import Gather
from chalicelib.provisioning.domain.changes import NameTaken, Unacceptable
from chalicelib.provisioning.domain.groups import (
    MOST_GROUPS,
    Group,
    GroupMapping,
    RightsChange,
    check_group,
    rights_change,
)
from chalicelib.provisioning.services.ports import GroupStore, UserStore

_BUSY = "Too many calls are changing this group. Try again."


@dataclass(frozen=True)
class Groups:
    """Provisions groups in one request."""

    groups: GroupStore
    users: UserStore
    gather: Gather
    now: datetime

    @cached_property
    def _mappings(self) -> dict[str, GroupMapping]:
        return self.groups.list_mappings()

    @cached_property
    def _keys(self) -> dict[str, str]:
        """The folded name of each group, by id."""
        return {each.group_id: each.key for each in self.groups.list_all()}

    def create(self, group: Group) -> Group:
        """Create a group with its members, or complete one whose creation was interrupted.

        Store calls: 2; with members 2 more, and those of each.

        Raises:
            Unacceptable: no group can have this, a member is unknown, or there are too many groups.
            NameTaken: another group has the name.
        """
        members = group.members or frozenset()
        check_group(group.name, group.external_id, members)
        self._check_known(members)
        if len(self._keys) >= MOST_GROUPS:
            raise Unacceptable(f"A desk has at most {MOST_GROUPS} groups.")
        at = timestamp(self.now)
        made = replace(group, created_at=at, changed_at=at, revision=1, members=frozenset(), complete=not members)
        try:
            self.groups.add(made)
        except NameTaken:
            made = self._begun(made)
        self._keys[made.group_id] = made.key
        begun = made.members or frozenset()
        self._change_members(made, joined=members - begun, left=begun - members)
        if made.complete:
            return made
        whole = replace(made, external_id=group.external_id, members=members, revision=made.revision + 1, complete=True)
        self.groups.save(whole, over=made)
        return whole

    def save(self, group: Group, *, over: Group) -> Group:
        """Replace a group and its members. Store calls: 2, and those of each member that changes.

        What is left half done by a failure is done by the same call again.

        Raises:
            Unacceptable: no group can have this, or a new member is unknown.
            NameTaken: another group has the name.
            Changed: somebody else has changed the group since.
        """
        was, members = over.members or frozenset(), group.members or frozenset()
        check_group(group.name, group.external_id, members)
        joined, left = members - was, was - members
        self._check_known(joined)
        saved = replace(over, name=group.name, external_id=group.external_id, complete=True)
        if saved == over and members == was:
            return over
        if saved.key != over.key:
            self._rename(over, saved, was)
        saved = replace(saved, changed_at=timestamp(self.now), revision=over.revision + 1, members=members)
        self.groups.save(saved, over=over)
        self._change_members(saved, joined=joined, left=left)
        return saved

    def delete(self, group: Group) -> None:
        """Delete a group; its members lose what only this group gave them. Store calls: 1, and those of its members.

        Raises:
            Changed: somebody else has changed the group since.
        """
        self._change_members(group, joined=(), left=group.members or ())
        self.groups.remove(group)

    def leave_all(self, user_id: str) -> None:
        """Take a person out of all their groups. Store calls: 1, and those of each membership."""
        holdings = self.groups.find_holdings(user_id)
        for group_id in sorted(holdings.groups) if holdings else ():
            self._change_member(group_id, user_id, is_member=False)

    def map_group(self, mapping: GroupMapping) -> int:
        """Say what membership of a group gives, give it to its members, and return their number.

        What an earlier mapping gave and this one does not is taken from them.
        """
        return self._remap(mapping.key, mapping)

    def unmap_group(self, key: str) -> int:
        """End what membership of a group gives, and return the number of its members.

        Raises:
            Conflict: the group is not mapped.
        """
        return self._remap(key, None)

    def _remap(self, key: str, mapping: GroupMapping | None) -> int:
        before = dict(self._mappings)
        after = {name: each for name, each in before.items() if name != key} | ({key: mapping} if mapping else {})
        group_id = self.groups.find_id_by_name(key)
        found = self.groups.find(group_id, with_members=True) if group_id else None
        members = sorted(found.members or ()) if found else []
        # First the rights, so that a command that was interrupted does the rest when it is given again.
        for each in members:
            self._change_member(str(group_id), each, mappings_after=after)
        if mapping:
            self.groups.save_mapping(mapping)
        else:
            self.groups.remove_mapping(key)
        return len(members)

    def _begun(self, group: Group) -> Group:
        """Return the group of this name whose creation was interrupted; NameTaken if there is none."""
        known = self.groups.find_id_by_name(group.key)
        found = self.groups.find(known, with_members=True) if known else None
        if found is None or found.complete:
            raise NameTaken
        return found

    def _check_known(self, members: Iterable[str]) -> None:
        wanted = set(members)
        known = {each.user_id for each in self.users.find_all(wanted) if not each.details.deleted} if wanted else set()
        if unknown := sorted(wanted - known):
            raise Unacceptable(f"No user has the id {unknown[0][:100]}.")

    def _rename(self, over: Group, saved: Group, members: Iterable[str]) -> None:
        """Give the members what the new name is mapped to instead of what the old one was."""
        if {over.key, saved.key} & self._mappings.keys():
            for each in sorted(members):
                self._change_member(over.group_id, each, key_after=saved.key)
        self._keys[over.group_id] = saved.key

    def _change_members(self, group: Group, *, joined: Iterable[str], left: Iterable[str]) -> None:
        changes = [partial(self._change_member, group.group_id, each, is_member=True) for each in sorted(joined)]
        changes += [partial(self._change_member, group.group_id, each, is_member=False) for each in sorted(left)]
        if changes:
            # Read once, before the calls that are made at the same time need them.
            _ = self._mappings and self._keys
            self.gather(*changes)

    def _change_member(
        self,
        group_id: str,
        user_id: str,
        *,
        is_member: bool | None = None,
        key_after: str | None = None,
        mappings_after: Mapping[str, GroupMapping] | None = None,
    ) -> None:
        """Change a membership with the rights that follow. Store calls: 1; where the group is mapped 2, 3 to join."""
        concerned = {self._keys[group_id], key_after} if self._mappings or mappings_after else set()
        if not concerned & {*self._mappings, *(mappings_after or {})}:
            self.groups.change_member(group_id, user_id, is_member=is_member, rights=RightsChange(), teams={})
            return
        attempts = Attempts(_BUSY)
        while attempts.again():
            holdings = self.groups.find_holdings(user_id)
            if holdings is None:
                return
            was = {each: self._keys[each] for each in holdings.groups | {group_id} if each in self._keys}
            now = was | ({group_id: key_after} if key_after else {})
            if is_member is False:
                now = {each: key for each, key in now.items() if each != group_id}
            before = set(was.values())
            rights = rights_change(before, now.values(), self._mappings, has=holdings.teams, operator=holdings.operator)
            if mappings_after is not None:
                rights = _between(before, self._mappings, mappings_after, holdings.teams, operator=holdings.operator)
            teams = {**holdings.teams, **self.groups.find_teams(rights.joins)}
            if self.groups.change_member(group_id, user_id, is_member=is_member, rights=rights, teams=teams):
                return


def _between(
    keys: Iterable[str],
    before: Mapping[str, GroupMapping],
    after: Mapping[str, GroupMapping],
    has: Iterable[str],
    *,
    operator: bool,
) -> RightsChange:
    """Return what another mapping means for a member of these groups."""
    named = {f"was {key}": each for key, each in before.items()} | {f"is {key}": each for key, each in after.items()}
    was, now = [f"was {key}" for key in keys], [f"is {key}" for key in keys]
    return rights_change(was, now, named, has=has, operator=operator)
