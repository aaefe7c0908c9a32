"""Traces for AWS X-Ray, where the setting `FLUXDEN_TRACING` turns them on."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from chalicelib.resources import prefix
from chalicelib.settings import settings

# X-Ray takes no other types.
_ANNOTATIONS = (str, int, float, bool)


@contextmanager
def traced(name: str, annotations: Mapping[str, Any]) -> Iterator[None]:
    """Record a subsegment with what `annotations` has at its end; no errors, because their texts may be secret."""
    if not settings().tracing:
        yield
        return
    error: BaseException | None = None
    with _tracer().provider.in_subsegment(name=name) as segment:
        try:
            yield
        except BaseException as raised:
            error = raised
        for key, value in annotations.items():
            if isinstance(value, _ANNOTATIONS):
                segment.put_annotation(key=key, value=value)
    if error is not None:
        raise error


@cache
def _tracer() -> Any:
    # Imported on first use: most desks have no traces, and the import takes longer than all others of a function.
    from aws_lambda_powertools.tracing import Tracer

    return Tracer(service=prefix(), patch_modules=("botocore",))
