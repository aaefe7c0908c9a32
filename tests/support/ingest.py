"""Requests of other systems, read by their adapters."""

import json
from datetime import UTC, datetime
from typing import Any

from chalicelib.ingest.domain.adapters.table import ADAPTERS, read_with
from chalicelib.ingest.domain.incoming import Draft, Incoming, Reading

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def incoming(body: Any = None, *, login: str | None = None, query: Any = None, **headers: str) -> Incoming:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    document = None if isinstance(body, bytes) else body
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Incoming(named, raw, document, "req_1", NOW, login, parameters=query or {})


def read(adapter: str, *args: Any, **more: Any) -> Reading:
    return read_with(ADAPTERS[adapter], incoming(*args, **more))


def draft_of(adapter: str, *args: Any, **more: Any) -> Draft:
    (draft,) = read(adapter, *args, **more).drafts
    return draft
