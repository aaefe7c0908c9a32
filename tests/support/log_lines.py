"""What the code under test has logged, as the lines that CloudWatch gets."""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from chalicelib.telemetry import logs
from chalicelib.telemetry.logs import LineFormatter

# What every line has besides its own fields.
_COMMON = ("level", "location", "timestamp", "service", "milliseconds")


def read_lines(caplog: pytest.LogCaptureFixture, message: str = "") -> list[dict[str, Any]]:
    """Return the lines of our logger, or those with this message, without the fields that every line has."""
    lines = (json.loads(each) for each in read_texts(caplog))
    return [
        {name: value for name, value in line.items() if name not in _COMMON}
        for line in lines
        if message in ("", line["message"])
    ]


def read_texts(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the lines of our logger as they are written, with their tracebacks."""
    return [LineFormatter().format(each) for each in caplog.records if each.name == "fluxden"]


@contextmanager
def written_lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Write log lines and metrics as a deployed desk does, and yield a function that returns those written so far."""
    stream = io.StringIO()
    logs.install(stream)
    try:
        yield lambda: [json.loads(each) for each in stream.getvalue().splitlines()]
    finally:
        logs.uninstall()
