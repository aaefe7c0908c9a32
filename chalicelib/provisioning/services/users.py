"""Provision employees: create, change, deactivate and delete them as a directory says."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from chalicelib.core.domain.errors import Conflict
from chalicelib.core.domain.fields import timestamp
from chalicelib.provisioning.domain.changes import NameTaken
from chalicelib.provisioning.domain.users import User
from chalicelib.provisioning.services.groups import Groups
from chalicelib.provisioning.services.ports import Activation, Deactivation, UserStore


@dataclass(frozen=True)
class Users:
    """Provisions employees in one request. `finish` ends what deactivations began."""

    users: UserStore
    groups: Groups
    activation: Activation
    deactivation: Deactivation
    now: datetime
    _ended: list[str] = field(default_factory=list)

    def create(self, user: User) -> User:
        """Create an employee, or restore one whom the directory had deleted. Store calls: 2; 5 to restore.

        Raises:
            Unacceptable: no employee can have this.
            NameTaken: another employee has the address.
        """
        user = user.checked()
        if known := self.users.find_id_by_name(user.user_name):
            over = self.users.find(known)
            if over is None or not over.details.deleted:
                raise NameTaken
            return self.save(replace(user, user_id=known), over=over)
        at = timestamp(self.now)
        made = replace(user.details, active_unsaid=False, created_at=at, changed_at=at, revision=1)
        user = replace(user, details=made)
        try:
            self.users.add(user)
        except Conflict as conflict:
            raise NameTaken from conflict
        return user

    def save(self, user: User, *, over: User) -> User:
        """Replace an employee. Nothing is written where nothing changes, but for who is inactive all access is ended.

        Store calls: 2; 2 more to activate; for those of a deactivation see there.

        Raises:
            Unacceptable: no employee can have this.
            NameTaken: another employee has the address.
            Changed: somebody else has changed the employee since.
        """
        seen, details = over.details, user.checked().details
        kept = replace(
            details, created_at=seen.created_at, changed_at=seen.changed_at, deleted=False, revision=seen.revision
        )
        user = replace(user.checked(), details=kept)
        if not user.active:
            self._deactivate(user.user_id)
        if replace(user, active=over.active) != over:
            at = timestamp(self.now)
            changed = replace(kept, created_at=kept.created_at or at, changed_at=at, revision=seen.revision + 1)
            user = replace(user, details=changed)
            self.users.save(user, over=over, is_new_name=user.shown_name != over.shown_name)
        if user.active and not over.active:
            self.activation.set_active(user.user_id, active=True)
        return user

    def delete(self, user: User) -> None:
        """Deactivate an employee, take them out of all groups, and hide them from the directory.

        Raises:
            Changed: somebody else has changed the employee since.
        """
        self._deactivate(user.user_id)
        self.groups.leave_all(user.user_id)
        self.finish()
        at = timestamp(self.now)
        created = user.details.created_at or at
        gone = replace(
            user.details, created_at=created, changed_at=at, deleted=True, revision=user.details.revision + 1
        )
        self.users.save(replace(user, active=False, details=gone), over=user, is_new_name=False)

    def finish(self) -> None:
        """End what began while those who were deactivated lost their access."""
        if self._ended:
            self.deactivation.finish(self._ended, now=self.now)
            self._ended.clear()

    def _deactivate(self, user_id: str) -> None:
        self.deactivation.start(user_id, now=self.now)
        self._ended.append(user_id)
