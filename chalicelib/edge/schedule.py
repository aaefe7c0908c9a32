"""Turn a function of the current time into a scheduled Lambda function."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from chalice.app import Blueprint, Rate

from chalicelib.core.domain.measures import SCHEDULED
from chalicelib.resources import Grant
from chalicelib.telemetry.logs import function_fields
from chalicelib.telemetry.observe import observe, report_error, worker_output


@dataclass(frozen=True)
class Schedule:
    """A function that runs every `minutes` minutes. Runs may overlap, be late, or be skipped.

    With `setting`, a deployment runs it only while that environment variable is 1.
    """

    function: Callable[[datetime], int]
    minutes: int
    grants: tuple[Grant, ...]
    setting: str = ""

    def __call__(self, event: object, context: object) -> None:  # noqa: ARG002 - Lambda's
        """Run the function once: the entry point of this schedule's Lambda function."""
        ids = function_fields(context)
        with observe(
            "schedule", self.__name__, output=worker_output(), requestId=ids.get("function_request_id"), **ids
        ) as line:
            try:
                line["done"] = self.function(datetime.now(UTC))
            except Exception as error:
                report_error("schedule", error, "%s failed", self.__name__)
                raise
            SCHEDULED.add(line["done"], schedule=self.__name__)

    @property
    def __name__(self) -> str:
        return self.function.__name__


def schedule(
    bp: Blueprint, *, minutes: int, grants: tuple[Grant, ...] = (), setting: str = ""
) -> Callable[[Callable[[datetime], int]], Schedule]:
    """Declare a function that runs every `minutes` minutes; its result is logged."""

    def declare(function: Callable[[datetime], int]) -> Schedule:
        declared = Schedule(function, minutes, grants, setting)
        bp.schedule(Rate(minutes, unit=Rate.MINUTES), name=declared.__name__)(declared)
        return declared

    return declare
