"""Mappings that somebody tries: what they would make of a sample."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from chalicelib.core.domain.fields import In, Omittable, Out
from chalicelib.inbox.domain.events import InboundEvent
from chalicelib.ingest.domain.adapters import mapped
from chalicelib.ingest.domain.incoming import Incoming, IngestStep, to_event


class MappingPreviewIn(In):
    """A mapping of the adapter json, and a body as the other system sends it."""

    mapping: Annotated[dict[str, str], Field(min_length=1, max_length=10)] = Field(
        description="A JMESPath expression for each member of an event."
    )
    sample: dict[str, Any] | list[Any] = Field(description="A body; a list makes one event for each of its members.")


class PreviewedEvent(Out):
    """An event that the mapping finds. Its `event_type` lacks the prefix of the integrator."""

    step: IngestStep
    event: InboundEvent


class MappingPreviewOut(Out):
    """The events that the mapping finds, in their order, or the reason why it finds none."""

    results: list[PreviewedEvent]
    ignored: Omittable[str] = None
    request_id: str


def preview_mapping(asked: MappingPreviewIn, *, request_id: str, now: datetime) -> MappingPreviewOut:
    """Return what the mapping makes of the sample.

    Raises:
        Invalid: the mapping is not one, or does not fit the sample.
    """
    mapped.check_mapping(asked.mapping)
    reading = mapped.read(Incoming({}, b"", asked.sample, request_id, now, mapping=asked.mapping))
    rows = [PreviewedEvent(step=each.step, event=to_event(each, prefix="", now=now)) for each in reading.drafts]
    more = {"ignored": reading.ignored} if reading.ignored else {}
    return MappingPreviewOut(results=rows, request_id=request_id, **more)
