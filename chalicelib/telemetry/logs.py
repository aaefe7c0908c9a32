"""Log lines: one JSON object each, with the ids of the call that it belongs to.

The format is that of the Logger of Powertools for AWS Lambda. It is written here without that library, because
importing it would slow every cold start; tests compare the two.
"""

import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, TextIO

from pydantic_core import PydanticSerializationError, to_json

from chalicelib.resources import prefix

LOGGER = "fluxden"
# The attribute of a queue message that carries the id of the request behind it.
CORRELATION_ID = "correlationId"

# What logging itself puts into a record, and names that would hide what the format puts into a line.
_NOT_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_NOT_FIELDS |= {"level", "location", "timestamp"}
_JSON_BEGINS = frozenset('{["-0123456789tfnNI \t\r\n')

_bound: ContextVar[Mapping[str, Any]] = ContextVar("bound", default=MappingProxyType({}))
_handlers: list[logging.StreamHandler[TextIO]] = []
_metrics_handlers: list[logging.StreamHandler[TextIO]] = []
_has_started = False


class LineFormatter(logging.Formatter):
    """Formats a record as a JSON object in one line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "level": record.levelname,
            "location": f"{record.funcName}:{record.lineno}",
            "message": _message(record),
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "service": prefix(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _NOT_FIELDS}
        if record.exc_info and record.exc_info[0] is not None:
            line.setdefault("exception", self.formatException(record.exc_info))
            line.setdefault("exception_name", record.exc_info[0].__name__)
            line.setdefault("exception_notes", getattr(record.exc_info[1], "__notes__", None))
        if trace := os.environ.get("_X_AMZN_TRACE_ID"):
            line["xray_trace_id"] = trace.split(";")[0].replace("Root=", "")
        return serialize({name: value for name, value in line.items() if value is not None})


class _BoundFields(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        # Fields of the line itself come first.
        vars(record).update({name: value for name, value in _bound.get().items() if name not in vars(record)})
        return True


# On the logger, so that every handler sees the fields.
logging.getLogger(LOGGER).addFilter(_BoundFields())


@contextmanager
def bind(**fields: Any) -> Iterator[None]:
    """Put the fields that are not None into every line of this thread and the threads it starts."""
    token = _bound.set({**_bound.get(), **{name: value for name, value in fields.items() if value is not None}})
    try:
        yield
    finally:
        _bound.reset(token)


def bound_fields() -> Mapping[str, Any]:
    """Return the fields that are put into every line now."""
    return _bound.get()


def function_fields(context: Any) -> dict[str, Any]:
    """Return the fields of a Lambda function's run, under the names that Powertools gives them."""
    global _has_started
    if context is None:
        return {}
    is_cold, _has_started = not _has_started, True
    return {
        "cold_start": is_cold,
        "function_name": context.function_name,
        "function_memory_size": context.memory_limit_in_mb,
        "function_arn": context.invoked_function_arn,
        "function_request_id": context.aws_request_id,
    }


def gateway_fields(received: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ids that the gateway gave to a request or an event of a socket."""
    return {
        "gatewayRequestId": received.get("requestId"),
        "extendedRequestId": received.get("extendedRequestId"),
        "connectionId": received.get("connectionId"),
    }


def is_deployed() -> bool:
    """Say whether this process is a Lambda function."""
    return "AWS_LAMBDA_FUNCTION_NAME" in os.environ


def level() -> str:
    """Return the level from which lines are written: that of the function's logging configuration."""
    return os.environ.get("AWS_LAMBDA_LOG_LEVEL", "INFO")


def install(stream: TextIO | None = None, *, with_metrics: bool = True) -> logging.StreamHandler[TextIO]:
    """Write the lines of this process to `stream`, by default standard output, from now on.

    Hosts leave out the lines of metrics, which only CloudWatch reads.
    """
    if not _handlers:
        handler = logging.StreamHandler(stream or sys.stdout)
        handler.setFormatter(LineFormatter())
        logger = logging.getLogger(LOGGER)
        logger.addHandler(handler)
        logger.setLevel(level())
        # Lambda's own handler would write every line again.
        logger.propagate = False
        _handlers.append(handler)
        if with_metrics:
            _metrics_handlers.append(handler)
    return _handlers[0]


def uninstall() -> None:
    """Write no more lines."""
    logger = logging.getLogger(LOGGER)
    while _handlers:
        logger.removeHandler(_handlers.pop())
    _metrics_handlers.clear()
    logger.setLevel(logging.NOTSET)
    logger.propagate = True


def output_of_metrics() -> TextIO | None:
    """Return where lines of metrics are written; None if they are not."""
    return _metrics_handlers[0].stream if _metrics_handlers else None


def serialize(line: Any) -> str:
    """Return the JSON of a line. What JSON does not have is written as text."""
    try:
        return to_json(line, fallback=str, inf_nan_mode="constants").decode()
    except (PydanticSerializationError, UnicodeError, ValueError):
        return json.dumps(line, default=str, separators=(",", ":"))


def _message(record: logging.LogRecord) -> Any:
    if record.args or not isinstance(record.msg, str) or record.msg[:1] not in _JSON_BEGINS:
        return record.getMessage() if record.args else record.msg
    try:
        return json.loads(record.msg)
    except ValueError:
        return record.msg
