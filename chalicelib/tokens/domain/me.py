"""The signed-in person, with all that a front end needs at the start."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import Field

from chalicelib.core.domain.callers import ApiKey, Session
from chalicelib.core.domain.fields import Out, UuidOut
from chalicelib.people.domain.directory import Person
from chalicelib.tokens.domain.keys import Area, to_permissions

_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", re.ASCII)


@dataclass(frozen=True)
class StoredPerson:
    """A person with their profile, and the number of their browsers that are subscribed to notifications."""

    person: Person
    profile: Mapping[str, Any] = field(default_factory=dict)
    browsers: int = 0


class WebPushOut(Out):
    """Whether this desk sends browser notifications, and the number of the person's subscribed browsers."""

    available: bool
    subscriptions: int = Field(ge=0)


class UrlsOut(Out):
    """The URLs of this desk; null where the deployment does not set them."""

    base: str | None
    socket: str | None


class OwnKeyOut(Out):
    """The key or session of this request."""

    id: UuidOut
    name: str
    permissions: Literal["all"] | list[Area]
    is_session: bool = Field(description="Whether the person signed in with a browser.")


class MeOut(Out):
    """A person. `locale` is the first of the profile's languages that is a language tag, such as `de-AT`."""

    id: UuidOut
    name: str
    email: str
    operator: bool = Field(description="Whether the person may call /api/v2/operate, with a key for `all`.")
    locale: str | None
    timezone: str | None
    web_push: WebPushOut
    urls: UrlsOut
    key: OwnKeyOut


def to_response(stored: StoredPerson, *, caller: ApiKey, urls: UrlsOut, push_available: bool) -> MeOut:
    languages = stored.profile.get("languages", ())
    return MeOut(
        id=stored.person.user_id,
        name=stored.person.name,
        email=stored.person.email,
        operator=stored.person.active and stored.person.operator,
        locale=next((each for each in languages if _LANGUAGE_TAG.fullmatch(each)), None),
        timezone=stored.profile.get("timezone"),
        web_push=WebPushOut(available=push_available, subscriptions=stored.browsers),
        urls=urls,
        key=OwnKeyOut(
            id=caller.key_id,
            name=caller.name,
            permissions=to_permissions(caller.permissions),
            is_session=isinstance(caller, Session),
        ),
    )
