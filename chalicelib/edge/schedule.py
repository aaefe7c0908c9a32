"""Turn a function of the current time into a scheduled Lambda function."""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from chalice.app import Blueprint, Rate

from chalicelib import aws
from chalicelib.resources import Grant

log = logging.getLogger("fluxden")


@dataclass(frozen=True)
class Schedule:
    """A function that runs every `minutes` minutes. Runs may overlap, be late, or be skipped.

    With `setting`, a deployment runs it only while that environment variable is 1.
    """

    function: Callable[[datetime], object]
    minutes: int
    grants: tuple[Grant, ...]
    setting: str = ""

    def __call__(self, event: object, context: object) -> None:  # noqa: ARG002 - Lambda's
        """Run the function once: the entry point of this schedule's Lambda function."""
        with aws.count_calls() as calls:
            done = self.function(datetime.now(UTC))
        # Most runs find nothing to do, and their lines would bury the others.
        level = logging.INFO if done else logging.DEBUG
        log.log(level, json.dumps({"schedule": self.__name__, "done": done, "storeCalls": calls[0]}))

    @property
    def __name__(self) -> str:
        return self.function.__name__


def schedule(
    bp: Blueprint, *, minutes: int, grants: tuple[Grant, ...] = (), setting: str = ""
) -> Callable[[Callable[[datetime], object]], Schedule]:
    """Declare a function that runs every `minutes` minutes; its result is logged."""

    def declare(function: Callable[[datetime], object]) -> Schedule:
        declared = Schedule(function, minutes, grants, setting)
        bp.schedule(Rate(minutes, unit=Rate.MINUTES), name=declared.__name__)(declared)
        return declared

    return declare
