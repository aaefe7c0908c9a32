"""Store calls and units of operations as lists grow: `python -m bench.growth [rows …]`.

Counted on the embedded engine, with units as in `bench.costs`. The rows of one created entity are copied under other
ids, so that all of them are in the same person's list.
"""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import uuid4

import time_machine
from moto.dynamodb.models import dynamodb_backends

from bench.costs import count_units
from bench.demo_file import new_demo_file
from bench.results import save_results
from chalicelib.vault import new_key
from infra.local import engine
from tests.conftest import Desk
from tests.support import engine_state, inputs
from tests.support.api import Answer, Api
from tests.support.sample_data import SampleData

_SIZES = (10, 1_000, 100_000)
Rows = dict[tuple[str, str, str], Any]


@dataclass(frozen=True)
class Kind:
    """A kind of entity: how to add one, and the operations that read many, each with its name."""

    add: tuple[str, Callable[[], Answer]]
    reads: dict[str, Callable[[], Answer]]


def main() -> None:
    os.environ |= {"FLUXDEN_SECRET_KEY": new_key(), "DEMO_FILE": new_demo_file()}
    os.environ |= dict.fromkeys(("FLUXDEN_PERSONAL_BUDGET", "FLUXDEN_KEY_BUDGET"), "1000000")
    engine.embed()
    sizes = [int(each) for each in sys.argv[1:]] or list(_SIZES)
    figures: dict[str, dict[str, dict[str, float]]] = {}
    print(f"{'calls, units written, units read':<40}" + "".join(f"{size:>16,}" for size in sizes))
    for kind in _list_kinds(Api(), Desk(engine_state.restore_demo_organisation())):
        for size in sizes:
            for name, found in _measure_kind(kind, size).items():
                figures.setdefault(name, {})[str(size)] = found
    for name, by_size in figures.items():
        cells = (f"{each['calls']:g}, {each['written']:g}, {each['read']:g}" for each in by_size.values())
        print(f"{name:<40}" + "".join(f"{cell:>16}" for cell in cells))
    save_results("growth", figures)


def _measure_kind(kind: str, size: int) -> dict[str, dict[str, float]]:
    thing = _list_kinds(Api(), Desk(engine_state.restore_demo_organisation()))[kind]
    adding, add = thing.add
    for _ in range(2):  # the row with the counts exists from now on, and is not copied
        add()
    before = _rows()
    made = add()
    new = {place: row for place, row in _rows().items() if place not in before}
    identifier = made.json["deliveryId"] if kind == "inbox" else made.json["data"]["id"]
    # Rows without the id in their key belong to all entities, such as a day's count.
    own = {place: json.dumps(row.to_json()["Attributes"]) for place, row in new.items() if identifier in str(place)}
    for _ in range(size - 3):
        other = str(uuid4())
        for (table, *_), text in own.items():
            _tables()[table].put_item(json.loads(text.replace(identifier, other)))
    return {name: _count_calls(do) for name, do in [(adding, add), *thing.reads.items()]}


def _list_kinds(api: Api, desk: Desk) -> dict[str, Kind]:
    data, key = SampleData(api, desk), desk.bob_key

    def look(path: str, token: str = key) -> Callable[[], Answer]:
        return lambda: api.get(path, token)

    def adding(path: str, body: Any) -> Callable[[], Answer]:
        return lambda: api.post(path, body, key)

    connection = cache(data.add_connection)

    def relay() -> Answer:
        return api.post("/api/v2/relays", {"connectionId": connection(), "subject": "x"}, key)

    adding("/api/v2/contacts", {"name": "Xylographer"})()
    return {
        "inbox": Kind(
            ("publish an event", lambda: api.post("/api/v1/events", inputs.new_event(), desk.bob)),
            {
                "first page of the inbox": look("/api/v1/inbox"),
                "summary of the inbox": look("/api/v1/inbox/summary"),
                "first page of what was sent": look("/api/v1/events", desk.fd1),
                "what was sent, by a rare label": look("/api/v1/events?label=repo:rare", desk.fd1),
            },
        ),
        "queue": Kind(
            ("add to the queue", adding("/api/v2/queue", {"title": "x"})),
            {"first page of the queue": look("/api/v2/queue")},
        ),
        "contacts": Kind(
            ("add to the contacts", adding("/api/v2/contacts", {"name": "North"})),
            {
                "first page of the contacts": look("/api/v2/contacts"),
                "search that finds one contact": look("/api/v2/contacts?search=xylo"),
            },
        ),
        "board": Kind(
            ("add to the board", adding("/api/v2/kanban", {"title": "x"})),
            {"first page of the board": look("/api/v2/kanban")},
        ),
        "chat": Kind(
            ("say in the chat", adding("/api/v2/shared-chat/send", {"content": "x"})),
            {"newest page of the chat": look("/api/v2/shared-chat/messages")},
        ),
        "relays": Kind(
            ("send a relay", relay),
            {
                "first page of the relays": look("/api/v2/relays"),
                "the operator's look at them": look(
                    f"/api/v2/operate/relays?userId={desk.user_id('bob')}", desk.alice_key
                ),
            },
        ),
        "feedback": Kind(
            ("give feedback", adding("/api/v2/feedback", {"message": "x"})),
            {"first page of the feedback": look("/api/v2/feedback")},
        ),
    }


def _count_calls(do: Callable[[], Answer]) -> dict[str, float]:
    # The first call of a minute takes one more.
    with time_machine.travel(datetime.now(UTC), tick=False):
        do()
        with count_units() as units:
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
