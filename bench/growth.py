"""What a list or a publish asks of the stores as there is more: `python -m bench.growth [rows …]`.

On the embedded engine, counted: calls, and capacity units as `bench.costs` counts them. The rows of one thing made
through its operation are repeated under other ids, so that all of them lie in the same person's list.
"""

import json
import os
import sys
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from moto.dynamodb.models import dynamodb_backends

from bench.costs import counted
from bench.results import keep
from chalicelib.vault import new_key
from infra.local import engine
from tests.conftest import Desk
from tests.support import make, world
from tests.support.api import Answer, Api

# A hundred thousand take moto minutes; what is asked of the stores no longer changes.
_SIZES = (10, 1_000, 10_000)
Rows = dict[tuple[str, str, str], Any]


def main() -> None:
    os.environ |= {"FLUXDEN_SECRET_KEY": new_key(), "DEMO_FILE": os.devnull}
    os.environ |= dict.fromkeys(("FLUXDEN_PERSONAL_BUDGET", "FLUXDEN_KEY_BUDGET"), "1000000")
    engine.embed()
    sizes = [int(each) for each in sys.argv[1:]] or list(_SIZES)
    figures: dict[str, dict[str, dict[str, float]]] = {}
    print(f"{'calls, units written, units read':<40}" + "".join(f"{size:>16,}" for size in sizes))
    for kind in ("inbox", "queue", "contacts", "board"):
        for size in sizes:
            for name, found in _measured(kind, size).items():
                figures.setdefault(name, {})[str(size)] = found
    for name, by_size in figures.items():
        cells = (f"{each['calls']:g}, {each['written']:g}, {each['read']:g}" for each in by_size.values())
        print(f"{name:<40}" + "".join(f"{cell:>16}" for cell in cells))
    keep("growth", figures)


def _measured(kind: str, size: int) -> dict[str, dict[str, float]]:
    desk, api = Desk(world.organised()), Api()
    add, look, name = _things(api, desk)[kind]
    for _ in range(2):  # what counts the rows is there already, and is not repeated
        add()
    before = _rows()
    made = add()
    new = {place: row for place, row in _rows().items() if place not in before}
    identifier = (made.json.get("data") or made.json).get("deliveryId") or made.json["data"]["id"]
    # Without the id in its key a row is about all of them, such as the day's count.
    own = {place: json.dumps(row.to_json()["Attributes"]) for place, row in new.items() if identifier in str(place)}
    for _ in range(size - 3):
        other = str(uuid4())
        for (table, *_), text in own.items():
            _tables()[table].put_item(json.loads(text.replace(identifier, other)))
    return {f"add to the {name}": _counted(add), f"first page of the {name}": _counted(look)}


def _things(api: Api, desk: Desk) -> dict[str, tuple[Callable[[], Answer], Callable[[], Answer], str]]:
    key, events = desk.alice_key, "/api/v1/events"
    return {
        "inbox": (
            lambda: api.post(events, make.event(), desk.alice),
            lambda: api.get("/api/v1/inbox", key),
            "inbox (publish)",
        ),
        "queue": (
            lambda: api.post("/api/v2/queue", {"title": "x"}, key),
            lambda: api.get("/api/v2/queue", key),
            "queue",
        ),
        "contacts": (
            lambda: api.post("/api/v2/contacts", {"name": "North"}, key),
            lambda: api.get("/api/v2/contacts", key),
            "contacts",
        ),
        "board": (
            lambda: api.post("/api/v2/kanban", {"title": "x"}, key),
            lambda: api.get("/api/v2/kanban", key),
            "board",
        ),
    }


def _counted(do: Callable[[], Answer]) -> dict[str, float]:
    do()  # a minute's first call takes one more
    with counted() as units:
        answer = do()
    assert answer.status < 300, answer.text  # noqa: PLR2004 - of success
    return {"calls": len(answer.calls), "written": units["write"], "read": units["read"]}


def _tables() -> Any:
    return dynamodb_backends[engine.ACCOUNT][engine.REGION].tables


def _rows() -> Rows:
    return {
        (name, str(row.attrs["pk"].value), str(row.attrs["sk"].value) if "sk" in row.attrs else ""): row
        for name, table in _tables().items()
        for row in table.all_items()
    }


if __name__ == "__main__":
    main()
