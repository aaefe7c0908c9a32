"""Who is signed in, as a front end wants to know it in one call."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import Field

from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.fields import Out, UuidOut
from chalicelib.people.domain.directory import Person
from chalicelib.tokens.domain.keys import Area, areas

_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", re.ASCII)


@dataclass(frozen=True)
class Known:
    """What is stored of a person: who they are, what their profile tells, and how many browsers they have nudged."""

    person: Person
    profile: Mapping[str, Any] = field(default_factory=dict)
    browsers: int = 0


class WebPushOut(Out):
    """Whether this desk can nudge browsers, and how many of the person's own are subscribed."""

    available: bool
    subscriptions: int = Field(ge=0)


class UrlsOut(Out):
    """Where this desk is reached; null where its deployment does not say."""

    base: str | None
    socket: str | None


class OwnKeyOut(Out):
    """The key that made the call."""

    id: UuidOut
    name: str
    permissions: Literal["all"] | list[Area]


class MeOut(Out):
    """A person. `locale` is the first of the profile's languages that is a language tag, such as `de-AT`."""

    id: UuidOut
    name: str
    email: str
    operator: bool = Field(description="Whether the operations under /api/v2/operate are theirs, with a key for `all`.")
    locale: str | None
    timezone: str | None
    web_push: WebPushOut
    urls: UrlsOut
    key: OwnKeyOut


def me_out(known: Known, *, caller: ApiKey, urls: UrlsOut, push_available: bool) -> MeOut:
    languages = known.profile.get("languages", ())
    return MeOut(
        id=known.person.user_id,
        name=known.person.name,
        email=known.person.email,
        operator=known.person.active and known.person.operator,
        locale=next((each for each in languages if _LANGUAGE_TAG.fullmatch(each)), None),
        timezone=known.profile.get("timezone"),
        web_push=WebPushOut(available=push_available, subscriptions=known.browsers),
        urls=urls,
        key=OwnKeyOut(id=caller.key_id, name=caller.name, permissions=areas(caller.permissions)),
    )
