"""Observe one call of an entry point: its log line, its metrics and its trace."""

import gc
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from chalicelib import aws
from chalicelib.core.domain.errors import Refusal
from chalicelib.core.domain.measures import FAULTS, REFUSALS, Measured, collect
from chalicelib.telemetry import logs, metrics, tracing

log = logging.getLogger(logs.LOGGER)


class Output(Protocol):
    """Where lines go. On Lambda it is installed by the first call, on a host by whoever wants them."""

    def install(self) -> object: ...
    def emit(self, measured: list[Measured], /) -> None: ...


def worker_output() -> Output:
    """Return what writes the lines of workers and schedules: in functions of their own, Powertools."""
    if not logs.is_deployed():
        return metrics
    # Imported on first use: a host, and the tests, load all entry points, and write with `metrics`.
    from chalicelib.telemetry import powertools

    return powertools


def count_error(kind: str, error: BaseException) -> None:
    """Count a refusal by its code, anything else as a fault of this kind of entry point."""
    if isinstance(error, Refusal):
        REFUSALS.add(code=error.code)
    else:
        FAULTS.add(kind=kind)


def report_error(kind: str, error: Exception, text: str, *details: object) -> None:
    """Count the error, and log it with its traceback."""
    count_error(kind, error)
    log.error(text, *details, exc_info=error, stacklevel=2)


@contextmanager
def observe(kind: str, operation: str, *, output: Output = metrics, **ids: Any) -> Iterator[dict[str, Any]]:
    """Log one line with `ids` and what is put into the dict that this yields, and write the metrics of the call.

    A line whose `done` is nothing is only for debugging: most runs of a schedule find nothing to do.
    """
    if logs.is_deployed():
        output.install()
    line: dict[str, Any] = {}
    started = time.perf_counter()
    with (
        logs.bind(operation=operation, correlation_id=ids.get("requestId"), **ids),
        tracing.traced(operation, line),
        collect() as measured,
        aws.count_calls() as calls,
    ):
        try:
            yield line
        finally:
            line |= {"storeCalls": calls[0], "milliseconds": round((time.perf_counter() - started) * 1000, 1)}
            log.log(logging.INFO if line.get("done", True) else logging.DEBUG, kind, extra=line)
            if measured:
                output.emit(measured)
            if not gc.isenabled():
                # What a start has loaded stays, so it need not be looked through later either.
                gc.freeze()
                gc.enable()
