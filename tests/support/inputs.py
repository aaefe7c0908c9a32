"""Valid request bodies, with overrides."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

_numbers = itertools.count(1)


def new_event(**overrides: Any) -> dict[str, Any]:
    """Return a new event of integrator fd1. An override of None removes the field."""
    made = {
        "spec_version": "2",
        "event_id": f"evt-{next(_numbers)}",
        "event_type": "fd1.repo.access_granted",
        "severity": "info",
        "title": "You can now push to widget-pro",
        "occurred_at": ago(),
    } | overrides
    return {name: value for name, value in made.items() if value is not None}


def ago(**duration: float) -> str:
    """Return the time so long ago, or now, as RFC 3339."""
    return (datetime.now(UTC) - timedelta(**duration)).isoformat(timespec="microseconds")


def uuid(number: int) -> str:
    """Return the same UUID for the same number."""
    return f"00000000-0000-4000-8000-{number:012d}"
