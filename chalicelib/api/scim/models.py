"""What this desk serves of SCIM: its resources, its capabilities, and what it tolerates of directories.

`scim2_models` describes and reads resources, and `scim2_server` has the steps of the protocol.
"""

from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field
from scim2_models import (
    URN,
    AuthenticationScheme,
    Bulk,
    CaseExact,
    ChangePassword,
    ComplexAttribute,
    ETag,
    Filter,
    Meta,
    Mutability,
    Patch,
    Reference,
    Required,
    Resource,
    ScimPolicy,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
    Uniqueness,
)

from chalicelib.edge.operation import LARGEST_BODY
from chalicelib.provisioning.domain import groups, users

MOST_RESULTS = 200
MOST_OPERATIONS = 50
_HIDDEN = ConfigDict(hide_input_in_errors=True)


class Name(ComplexAttribute):
    """The parts of a person's name."""

    model_config = _HIDDEN

    formatted: str | None = None
    family_name: str | None = None
    given_name: str | None = None


class MailAddress(ComplexAttribute):
    """One of a person's addresses."""

    model_config = _HIDDEN

    value: str | None = None
    type: str | None = None
    primary: bool | None = None


class User(Resource[Any]):
    """User account"""

    model_config = _HIDDEN
    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    user_name: Annotated[str | None, Required.true, Uniqueness.server] = None
    name: Name | None = None
    display_name: str | None = None
    emails: list[MailAddress] | None = None
    active: bool | None = None


class Member(ComplexAttribute):
    """A member of a group."""

    model_config = _HIDDEN

    value: Annotated[str | None, Mutability.immutable, CaseExact.true] = None
    ref: Annotated[Reference["User"] | None, Mutability.immutable] = Field(
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    type: Annotated[str | None, Mutability.immutable] = Field(None, examples=["User"])


class Group(Resource[Any]):
    """Group"""

    model_config = _HIDDEN
    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:Group")

    display_name: Annotated[str | None, Required.true, Uniqueness.server] = None
    members: list[Member] | None = None


# Directories send more than the standard has, and more than this desk stores.
_POLICY = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)
_CONFIG = ServiceProviderConfig(
    patch=Patch(supported=True),
    bulk=Bulk(supported=True, max_operations=MOST_OPERATIONS, max_payload_size=LARGEST_BODY),
    filter=Filter(supported=True, max_results=MOST_RESULTS),
    change_password=ChangePassword(supported=False),
    sort=Sort(supported=True),
    etag=ETag(supported=True),
    authentication_schemes=[
        AuthenticationScheme(
            type=AuthenticationScheme.Type.oauthbearertoken,
            name="SCIM token",
            description="A token that operators create for the directory.",
            primary=True,
        )
    ],
)
PROVIDER = ScimProvider(models=[User, Group], config=_CONFIG, policy=_POLICY)


def to_resource(user: users.User) -> User:
    """Convert a user to the resource."""
    details = user.details
    name = Name(formatted=details.formatted, family_name=details.family_name, given_name=details.given_name)
    has_name = any((details.formatted, details.family_name, details.given_name))
    return User(
        id=user.user_id,
        external_id=details.external_id,
        user_name=user.user_name,
        name=name if has_name else None,
        display_name=details.display_name,
        emails=[MailAddress(value=each.value, type=each.type, primary=each.primary) for each in details.emails] or None,
        active=None if user.active and details.active_unsaid else user.active,
        meta=_meta("User", details.created_at, details.changed_at, user.version),
    )


def from_resource(resource: User, user_id: str) -> users.User:
    """Convert a resource to the user with this id. Who is not said to be inactive is active."""
    name = resource.name or Name()
    emails = tuple(users.MailAddress(each.value, each.type, each.primary) for each in resource.emails or ())
    details = users.Details(
        external_id=resource.external_id,
        formatted=name.formatted,
        family_name=name.family_name,
        given_name=name.given_name,
        display_name=resource.display_name,
        emails=emails,
        active_unsaid=resource.active is None,
    )
    return users.User(user_id, resource.user_name or "", resource.active is not False, details)


def to_group_resource(group: groups.Group) -> Group:
    """Convert a group to the resource."""
    members = [Member(value=each, ref=f"Users/{each}", type="User") for each in sorted(group.members or ())]
    return Group(
        id=group.group_id,
        external_id=group.external_id,
        display_name=group.name,
        members=members or None,
        meta=_meta("Group", group.created_at, group.changed_at, group.version),
    )


def from_group_resource(resource: Group, group_id: str) -> groups.Group:
    """Convert a resource to the group with this id."""
    members = frozenset(each.value for each in resource.members or () if each.value)
    return groups.Group(group_id, resource.display_name or "", resource.external_id, members=members)


def _meta(kind: str, created: str, changed: str, version: str) -> Meta:
    return Meta(
        resource_type=kind,
        created=datetime.fromisoformat(created) if created else None,
        last_modified=datetime.fromisoformat(changed) if changed else None,
        version=f'W/"{version}"',
    )
