"""Integrators as administrators register and see them."""

from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from chalicelib.core.domain.fields import Out
from chalicelib.inbox.domain.event_types import CountedType
from chalicelib.people.domain.directory import IntegratorIn


class NewIntegratorIn(IntegratorIn):
    """A new integrator, with its own event prefix."""

    model_config = ConfigDict(alias_generator=to_camel)


class IntegratorTypesOut(Out):
    """An integrator's event types of the last 90 days, by name."""

    integrator: str
    event_types: list[CountedType]
