"""Proposals of the command line, and waiting for the decision."""

import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import click

from fluxden.exit_codes import ExitCode
from fluxden.generated import v2_models as models
from fluxden.publishing import pairs

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# How often progress is written where a line can't be written over, as in logs.
_SECONDS_BETWEEN_LINES = 60.0


def duration(text: str) -> float:
    """Return the seconds of a time such as 90s, 30m, 2h or 1d; a number alone is seconds.

    Raises:
        click.BadParameter: it is no time.
    """
    found = re.fullmatch(r"(\d{1,6})([smhd]?)", text)
    if found is None:
        raise click.BadParameter(f"{text} is not a time such as 90s, 30m, 2h or 1d.")
    return float(found[1]) * _UNITS[found[2] or "s"]


def new_task(given: Mapping[str, Any]) -> models.ItemIn:
    """Return a task with a proposal, of the options that were given."""
    proposal = {
        "tool": given["tool"],
        "why": given["why"],
        "otherwise": given["otherwise"],
        "arguments": pairs(given["arguments"], "--argument"),
        "reversible": not given["irreversible"],
        "expiresAt": None if given["expires_in"] is None else _time_in(given["expires_in"]),
    }
    metadata = {"proposal": {name: value for name, value in proposal.items() if value is not None}}
    return cast("models.ItemIn", {"title": given["title"], "priority": given["priority"], "metadata": metadata})


def _time_in(seconds: float) -> str:
    at = datetime.now(UTC) + timedelta(seconds=seconds)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def exit_code_of(state: str, wanted: str) -> ExitCode:
    """Return the exit code for a state. `wanted` is `approved`, `rejected`, or any `decision`."""
    if state == "waiting":
        return ExitCode.TIMED_OUT
    if state == "expired":
        return ExitCode.EXPIRED
    return ExitCode.DONE if wanted in {state, "decision"} else ExitCode.OTHER_DECISION


class Progress:
    """Says on stderr how long a decision has been waited for: in one line of a terminal, or a line a minute in logs."""

    def __init__(self, task_id: str, *, is_shown: bool) -> None:
        self._task_id, self._is_shown, self._next_line = task_id, is_shown, 0.0
        self._rewrites = sys.stderr.isatty()

    def show(self, seconds: float) -> None:
        if not self._is_shown or (not self._rewrites and seconds < self._next_line):
            return
        self._next_line = seconds + _SECONDS_BETWEEN_LINES
        minutes, rest = divmod(int(seconds), 60)
        text = f"Waiting for a decision about {self._task_id} ({minutes}:{rest:02})"
        click.echo(f"\r{text}" if self._rewrites else text, err=True, nl=not self._rewrites)

    def end(self) -> None:
        if self._is_shown and self._rewrites and self._next_line:
            click.echo(err=True)
