"""Users and groups of this desk, as the steps of the protocol read and write them."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, cast
from uuid import uuid4

from scim2_models import (
    NotFoundException,
    PreconditionFailedException,
    Resource,
    ResourceType,
    ResponseParameters,
    ScimFilter,
    SearchRequest,
    UniquenessException,
)
from scim2_models.path import AttrPath, CompareOperator, Comparison, FilterNode, LogicalExpr, LogicalOperator
from scim2_server.storage import ScimStorage, SearchPage

from chalicelib.api.audit import audited
from chalicelib.api.scim.models import (
    Group,
    User,
    from_group_resource,
    from_resource,
    to_group_resource,
    to_resource,
)
from chalicelib.core.domain.audit import Subject, person_subject
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.callers import ScimToken
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.stores.audit_trail import Draft
from chalicelib.parallel import gather
from chalicelib.provisioning.domain.changes import Changed, NameTaken
from chalicelib.provisioning.domain.groups import Group as ProvisionedGroup
from chalicelib.provisioning.domain.users import User as ProvisionedUser
from chalicelib.provisioning.services.groups import Groups
from chalicelib.provisioning.services.users import Users
from chalicelib.provisioning.stores.groups import DynamoGroups
from chalicelib.provisioning.stores.users import DynamoProvisionedUsers

# A page of groups ends when it has so many members, so that the reply fits.
_MOST_LISTED_MEMBERS = 20_000


@dataclass
class Storage(ScimStorage):
    """Users and groups, in one request."""

    users: Users
    groups: Groups
    user_store: DynamoProvisionedUsers
    group_store: DynamoGroups
    caller: ScimToken | None
    context: RequestContext

    def get(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        response_parameters: ResponseParameters[Any] | None = None,
    ) -> Resource[Any]:
        if resource_type.name == User.__name__:
            return to_resource(self._user(resource_id))
        return to_group_resource(self._group(resource_id, with_members=_wants_members(response_parameters)))

    def search(
        self,
        resource_types: list[ResourceType],
        search_request: SearchRequest[Any],
        *,
        position: Any = None,  # noqa: ARG002 - of cursors
    ) -> SearchPage:
        if len(resource_types) > 1:
            return self._search_all(search_request)
        if resource_types[0].name == User.__name__:
            return self._search_users(search_request)
        return self._search_groups(search_request)

    def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        try:
            if resource_type.name == User.__name__:
                with self._audited(AuditKind.PERSON_PROVISION) as draft:
                    user = self.users.create(from_resource(cast(User, resource), str(uuid4())))
                    draft.add(person_subject(user.user_id), created=True, active=user.active)
                return to_resource(user)
            with self._audited(AuditKind.GROUP_CREATE) as draft:
                made = self.groups.create(from_group_resource(cast(Group, resource), str(uuid4())))
                draft.add(Subject("group", made.group_id), members=len(made.members or ()))
            return to_group_resource(made)
        except NameTaken as taken:
            raise _not_unique(resource_type) from taken

    def update(
        self, resource_type: ResourceType, resource: Resource[Any], *, expected_version: str | None = None
    ) -> Resource[Any]:
        resource_id = str(resource.id)
        try:
            if resource_type.name == User.__name__:
                over = self._checked(self._user(resource_id), expected_version)
                return to_resource(self._save_user(from_resource(cast(User, resource), resource_id), over))
            group = self._checked(self._group(resource_id, with_members=True), expected_version)
            wanted = from_group_resource(cast(Group, resource), resource_id)
            return to_group_resource(self._save_group(wanted, group))
        except NameTaken as taken:
            raise _not_unique(resource_type) from taken
        except Changed as changed:
            raise PreconditionFailedException from changed

    def delete(self, resource_type: ResourceType, resource_id: str, *, expected_version: str | None = None) -> None:
        try:
            if resource_type.name == User.__name__:
                user = self._checked(self._user(resource_id), expected_version)
                with self._audited(AuditKind.PERSON_DEACTIVATE, person_subject(resource_id), deleted=True):
                    self.users.delete(user)
            else:
                group = self._checked(self._group(resource_id, with_members=True), expected_version)
                with self._audited(AuditKind.GROUP_REMOVE, Subject("group", resource_id)):
                    self.groups.delete(group)
        except Changed as changed:
            raise PreconditionFailedException from changed

    def _save_user(self, user: ProvisionedUser, over: ProvisionedUser) -> ProvisionedUser:
        kind = AuditKind.PERSON_PROVISION
        if user.active != over.active:
            kind = AuditKind.PERSON_ACTIVATE if user.active else AuditKind.PERSON_DEACTIVATE
        with self._audited(kind, person_subject(user.user_id)) as draft:
            saved = self.users.save(user, over=over)
            if saved == over:
                draft.drop()
        return saved

    def _save_group(self, group: ProvisionedGroup, over: ProvisionedGroup) -> ProvisionedGroup:
        with self._audited(AuditKind.GROUP_UPDATE, Subject("group", group.group_id)) as draft:
            saved = self.groups.save(group, over=over)
            was, now = over.members or frozenset(), saved.members or frozenset()
            draft.add(joined=len(now - was), left=len(was - now))
            if saved == over:
                draft.drop()
        return saved

    def _audited(
        self, kind: AuditKind, subject: Subject | None = None, **details: str | bool
    ) -> AbstractContextManager[Draft]:
        return audited(kind, self.caller, self.context, subject, each=False, **details)

    def _user(self, user_id: str) -> ProvisionedUser:
        found = self.user_store.find(user_id)
        if found is None or found.details.deleted:
            raise NotFoundException(detail="There is no user with this id.")
        return found

    def _group(self, group_id: str, *, with_members: bool) -> ProvisionedGroup:
        found = self.group_store.find(group_id, with_members=with_members)
        if found is None:
            raise NotFoundException(detail="There is no group with this id.")
        return found

    @staticmethod
    def _checked(found: Any, version: str | None) -> Any:
        if version not in (None, f'W/"{found.version}"'):
            raise PreconditionFailedException
        return found

    def _search_users(self, request: SearchRequest[Any]) -> SearchPage:
        start, stop = _bounds(request)
        if request.filter is None and request.sort_by is None:
            ids = self.user_store.list_ids()
            page = self.user_store.find_all(ids[start:stop])
            return SearchPage(len(ids), [to_resource(each) for each in page])
        found = (
            to_resource(each)
            for each in self.user_store.find_all(self._candidates(request.filter))
            if not each.details.deleted
        )
        return _page(found, request)

    def _candidates(self, wanted: ScimFilter[Any] | None) -> Iterable[str]:
        """Return the ids of users that the filter may select; all of them where no lookup narrows it down."""
        for name, value in _equalities(wanted.ast) if wanted else ():
            match name:
                case "username":
                    found = self.user_store.find_id_by_name(value.lower())
                    return [found] if found else []
                case "externalid":
                    return self.user_store.list_ids_by_external_id(value)
                case "id":
                    return [value]
        return self.user_store.list_ids()

    def _search_groups(self, request: SearchRequest[Any]) -> SearchPage:
        found = self.group_store.list_all()
        names_members = request.filter is not None and "members" in str(request.filter).casefold()
        if names_members:
            narrowed = [each for each in found if _may_match(request.filter, each)]
            found = gather(*(lambda each=each: self.group_store.with_members(each) for each in narrowed))
        selected = _page((to_group_resource(each) for each in found), request)
        if names_members or not _wants_members(request):
            return selected
        return SearchPage(selected.total, list(self._with_members(selected.resources, found)))

    def _search_all(self, request: SearchRequest[Any]) -> SearchPage:
        """Search users and groups together. Only groups that a filter may select by their members are read whole."""
        found = self.user_store.find_all(self.user_store.list_ids())
        everybody = [to_resource(each) for each in found if not each.details.deleted]
        groups = self.group_store.list_all()
        if request.filter is not None and "members" in str(request.filter).casefold():
            groups = [self.group_store.with_members(each) for each in groups]
        selected = _page([*everybody, *map(to_group_resource, groups)], request)
        if not _wants_members(request):
            return selected
        of_groups = [each for each in selected.resources if isinstance(each, Group)]
        whole = {each.id: each for each in self._with_members(of_groups, groups)}
        shown = [each if isinstance(each, User) else whole.get(each.id) for each in selected.resources]
        return SearchPage(selected.total, [each for each in shown if each is not None])

    def _with_members(self, page: Sequence[Resource[Any]], found: list[ProvisionedGroup]) -> Iterator[Resource[Any]]:
        by_id, count = {each.group_id: each for each in found}, 0
        for each in page:
            group = self.group_store.with_members(by_id[str(each.id)])
            count += len(group.members or ())
            if count > _MOST_LISTED_MEMBERS and count > len(group.members or ()):
                return
            yield to_group_resource(group)


def _not_unique(resource_type: ResourceType) -> UniquenessException:
    what = "userName" if resource_type.name == User.__name__ else "displayName"
    return UniquenessException(detail=f"Another {str(resource_type.name).lower()} has this {what}.")


def _wants_members(parameters: ResponseParameters[Any] | None) -> bool:
    if parameters is None:
        return True
    named = [str(each).rpartition(":")[2].partition(".")[0].lower() for each in parameters.attributes or ()]
    excluded = [str(each).rpartition(":")[2].lower() for each in parameters.excluded_attributes or ()]
    return "members" in named if named else "members" not in excluded


def _equalities(node: FilterNode) -> Iterator[tuple[str, str]]:
    """Yield the attributes, in lower case, that must have a text, so that all results have it."""
    match node:
        case Comparison(attr_path=AttrPath(attr=attr, sub_attr=None), op=CompareOperator.eq, value=str(value)):
            yield attr.lower(), value
        case LogicalExpr(op=LogicalOperator.and_, terms=terms):
            for each in terms:
                yield from _equalities(each)


def _may_match(wanted: ScimFilter[Any] | None, group: ProvisionedGroup) -> bool:
    named = dict(_equalities(wanted.ast)) if wanted else {}
    return named.get("id", group.group_id) == group.group_id


def _page(found: Iterable[Resource[Any]], request: SearchRequest[Any]) -> SearchPage:
    selected = [each for each in found if request.filter is None or request.filter.match(each)]
    if request.sort_by is not None:
        descending = request.sort_order == SearchRequest.SortOrder.descending
        selected.sort(key=lambda each: _sort_key(request.sort_value(each)), reverse=descending)
    start, stop = _bounds(request)
    return SearchPage(len(selected), selected[start:stop])


def _sort_key(value: Any) -> tuple[bool, Any]:
    return value is None, "" if value is None else value


def _bounds(request: SearchRequest[Any]) -> tuple[int, int]:
    start = request.start_index_0 or 0
    return start, start + (request.count or 0)
