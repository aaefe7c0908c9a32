"""The world every test begins in, made once and put back for each."""

import pickle
from typing import Any

from moto.dynamodb.models import dynamodb_backends

from infra import demo
from infra.local import engine
from infra.queues import create_queues
from infra.tables import create_tables

_kept: tuple[dict[str, Any], bytes] | None = None


def empty() -> None:
    """Our tables and queues, with nothing in them."""
    engine.reset()
    create_tables()
    create_queues()


def organised() -> dict[str, Any]:
    """The demo organisation; what its demo file says. The same one, as new, at every call."""
    global _kept  # noqa: PLW0603 - made by the first test that needs it
    if _kept is None:
        empty()
        made = demo.create(demo.Addresses("http://desk.test", "ws://desk.test", {}))
        _kept = made, pickle.dumps(_backend().tables)
    else:
        engine.reset()
        create_queues()
        _backend().tables = pickle.loads(_kept[1])
    return pickle.loads(pickle.dumps(_kept[0]))  # type: ignore[no-any-return]


def _backend() -> Any:
    return dynamodb_backends[engine.ACCOUNT][engine.REGION]
