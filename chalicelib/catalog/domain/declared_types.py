"""The event types that integrators declare, so that people read names where they choose how events reach them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.fields import WHOLE, In, Line, Omittable, Out, not_blank

MOST_TYPES = 100
# Names of an event type are separated by dots, and a prefix consists of whole names.
_TYPE = r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$"


class DefaultWay(StrEnum):
    """How events of a type reach people who have no rule for them: `push` to their browsers, or only the `inbox`.

    These are the ways that no one has to consent to: what no rule matches is pushed in any case. So an integrator can
    make itself quieter, and never louder.
    """

    PUSH = "push"
    INBOX = "inbox"


class DeclaredType(In):
    """An event type, or the first names of several: `ci.build` stands for `ci.build.failed`, too."""

    model_config = ConfigDict(alias_generator=to_camel)

    event_type: str = Field(min_length=1, max_length=60, pattern=_TYPE)
    name: Annotated[Line, AfterValidator(not_blank), Field(min_length=1, max_length=60)] = Field(
        description="What people read in place of the event type."
    )
    description: Omittable[Annotated[Line, Field(min_length=1, max_length=120)]] = None
    default_way: Annotated[DefaultWay, Field(strict=False)] = Field(
        DefaultWay.PUSH,
        description="How it reaches people who have no rule for it. Critical events are pushed in any case.",
    )


class DeclaredTypesIn(In):
    """All event types that the integrator declares. They replace those that are stored."""

    types: list[DeclaredType] = Field(max_length=MOST_TYPES)
    version: Omittable[Annotated[int, Field(ge=0), WHOLE]] = Field(
        None, description="If you send the `version` that you have read, types that changed since are not replaced."
    )

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({each.event_type for each in self.types}) < len(self.types):
            raise PydanticCustomError("types", "Declare each event type once")
        return self

    def check_prefix(self, prefix: str) -> None:
        """Refuse event types that are not the integrator's, whose `prefix` ends with a dot.

        Raises:
            Invalid: there is one.
        """
        for place, each in enumerate(self.types):
            if not f"{each.event_type}.".startswith(prefix):
                reason = f"must begin with {prefix}"
                raise Invalid(f"types.{place}.eventType: {reason}", {f"types.{place}.eventType": [reason]})


class DeclaredTypeOut(Out):
    event_type: str
    name: str
    description: Omittable[str] = None
    default_way: DefaultWay


class DeclaredTypesOut(Out):
    """The event types that an integrator declares, and how often that changed."""

    types: list[DeclaredTypeOut]
    version: int = Field(ge=0)


class IntegratorTypes(DeclaredTypesOut):
    """The event types that an integrator declares, with its name."""

    integrator: str = Field(description="The slug of the integrator.")
    name: str
    event_prefix: str


@dataclass(frozen=True)
class StoredTypes:
    """The declared event types of an integrator; version 0 if it has never declared any."""

    types: Sequence[DeclaredType] = ()
    version: int = 0

    def to_response(self) -> DeclaredTypesOut:
        return DeclaredTypesOut.model_validate(self.members())

    def members(self) -> dict[str, object]:
        """Return the members of a reply, by their names on the wire."""
        return {"types": [to_wire(each) for each in self.types], "version": self.version}


def to_wire(declared: DeclaredType) -> dict[str, str]:
    """Return a type by the names on the wire, as it is stored."""
    return declared.model_dump(mode="json", by_alias=True, exclude_none=True)


def default_ways(types: Sequence[DeclaredType]) -> dict[str, str]:
    """Return the ways by event type, if one of them differs from what applies without a declaration."""
    if all(each.default_way is DefaultWay.PUSH for each in types):
        return {}
    return {each.event_type: each.default_way.value for each in types}


def default_way_of(event_type: str, ways: Mapping[str, str]) -> DefaultWay:
    """Return how an event type reaches people without a rule: as the longest declared type that stands for it says."""
    names = event_type.split(".")
    for length in range(len(names), 0, -1):
        if way := ways.get(".".join(names[:length])):
            return DefaultWay(way)
    return DefaultWay.PUSH
