"""What a desk that nobody uses costs in a month: what its stacks have, at the list prices in `bench/prices.json`."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.edge.consumer import Consumer
from chalicelib.edge.schedule import Schedule
from infra.template.alarms import alarms
from infra.template.entry_points import EntryPoint, queue_definition
from infra.template.release_alarms import release_alarms

PRICES = json.loads((Path(__file__).parents[2] / "bench" / "prices.json").read_text(encoding="utf-8"))
_DAYS = 30
_MILLION = 1_000_000
_MINUTES = _DAYS * 24 * 60
# Lambda reads each queue with five long polls of 20 seconds at the same time.
_POLLS_A_MINUTE = 5 * 3
# A run that finds nothing to do: one query, in a function that is warm.
_RUN_SECONDS, _MEGABYTES_IN_GIGABYTE = 0.03, 1024


@dataclass(frozen=True)
class UnusedDesk:
    """The parts of the price, in USD a month."""

    alarms: float
    dashboard: float
    secret: float
    polling: float
    schedules: float

    @property
    def total(self) -> float:
        return self.alarms + self.dashboard + self.secret + self.polling + self.schedules


def list_alarms(functions: list[EntryPoint]) -> list[dict[str, Any]]:
    """Return every alarm."""
    made = {**alarms(functions), **release_alarms(functions)}.values()
    return [each for each in made if each["Type"] == "AWS::CloudWatch::Alarm"]


def list_paid_alarms(functions: list[EntryPoint]) -> list[dict[str, Any]]:
    """Return every alarm that a desk has whose parameters are the defaults."""
    return [each for each in list_alarms(functions) if "Condition" not in each]


def count_metrics(alarm: dict[str, Any]) -> int:
    """Count the metrics that are paid for: an expression costs what it reads."""
    properties = alarm["Properties"]
    return sum("MetricStat" in each for each in properties["Metrics"]) if "Metrics" in properties else 1


def price_unused_desk(functions: Iterable[EntryPoint]) -> UnusedDesk:
    found = list(functions)
    monthly, each = PRICES["per_month"], PRICES["per_million"]
    workers = [function.source for function in found if isinstance(function.source, Consumer)]
    queues = sum(not queue_definition(each).topic for each in workers)
    return UnusedDesk(
        alarms=sum(map(count_metrics, list_paid_alarms(found))) * monthly["alarm"],
        dashboard=monthly["dashboard"],
        secret=monthly["secret"],
        polling=queues * _POLLS_A_MINUTE * _MINUTES * each["queue_request"] / _MILLION,
        schedules=sum(_prices_of_schedules(found)),
    )


def _prices_of_schedules(functions: Iterable[EntryPoint]) -> Iterator[float]:
    each = PRICES["per_million"]
    for function in functions:
        if isinstance(function.source, Schedule):
            seconds = _RUN_SECONDS * PRICES["per_gigabyte_second"] * function.memory / _MEGABYTES_IN_GIGABYTE
            run = (each["function_call"] + each["read_unit"]) / _MILLION + seconds
            yield _MINUTES / function.source.minutes * run
