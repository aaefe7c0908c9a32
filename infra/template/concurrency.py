"""How much of the account's concurrency functions have for themselves, and at most."""

from dataclasses import dataclass
from typing import Any

from chalicelib.edge.consumer import Consumer
from infra.template.entry_points import EntryPoint, queue_definition
from infra.template.names import ref

# AWS keeps so much for functions that reserve nothing; a new account has no more than 10 in all.
LEFT_TO_OTHERS = 100
# The share of the account's concurrency that raises an alarm.
ALARM_SHARE = 0.8
ALARM_PARAMETER, USUAL_LIMIT = "ConcurrencyAlarm", 1000


@dataclass(frozen=True)
class Reservation:
    """A parameter that is the reserved concurrency of each of some functions; 0 reserves and bounds nothing.

    `functions` are their names; without any, they are the workers.
    """

    parameter: str
    default: int
    description: str
    functions: tuple[str, ...] = ()

    @property
    def is_on(self) -> str:
        return f"Has{self.parameter}"

    @property
    def declared(self) -> dict[str, Any]:
        return {
            "Type": "String",
            "Default": str(self.default),
            "AllowedPattern": "0|[2-9]|[1-9][0-9]{1,2}",
            "Description": f"{self.description} 0 reserves nothing, as is set for an account that has too little.",
        }

    def reserves_for(self, entry_point: EntryPoint) -> bool:
        return entry_point.name in self.functions if self.functions else isinstance(entry_point.source, Consumer)


RESERVATIONS = (
    Reservation(
        "ReservedForPublishing",
        50,
        "Concurrency that is kept for publishing an event, and as much for publishing in bulk, 2 to 999.",
        ("publish_event", "publish_bulk"),
    ),
    Reservation("ReservedForWorkers", 20, "Concurrency that is kept for each worker of a queue, 2 to 999."),
    Reservation(
        "ReservedForStreams",
        60,
        "Concurrency that is kept for event streams over HTTP, each of which holds a function while it waits, and the "
        "most that they use. More than StreamsPerDesk, 2 to 999.",
        ("stream_events",),
    ),
)


def parameters() -> dict[str, Any]:
    alarm = {
        "Type": "Number",
        "Default": int(USUAL_LIMIT * ALARM_SHARE),
        "MinValue": 1,
        "Description": "Functions of the account that run at the same time, from which on there is an alarm. `make "
        "deploy` sets it to 80% of what the account may have.",
    }
    return {each.parameter: each.declared for each in RESERVATIONS} | {ALARM_PARAMETER: alarm}


def conditions() -> dict[str, Any]:
    return {each.is_on: {"Fn::Not": [{"Fn::Equals": [ref(each.parameter), "0"]}]} for each in RESERVATIONS}


def reserved(entry_point: EntryPoint) -> dict[str, Any]:
    """Return the property that reserves concurrency for a function, if any does."""
    for each in RESERVATIONS:
        if each.reserves_for(entry_point):
            return {"ReservedConcurrentExecutions": {"Fn::If": [each.is_on, ref(each.parameter), ref("AWS::NoValue")]}}
    return {}


def batches(worker: Consumer) -> Any:
    """Return how many batches of a worker's queue Lambda processes at the same time: what is reserved for it.

    More would be throttled, and come again until they were dead letters.
    """
    workers = next(each for each in RESERVATIONS if not each.functions)
    return {"Fn::If": [workers.is_on, ref(workers.parameter), queue_definition(worker).concurrency]}


def total(functions: int, values: dict[str, int]) -> int:
    """Return the concurrency that a desk with so many workers reserves."""
    return sum(values[each.parameter] * (len(each.functions) or functions) for each in RESERVATIONS)
