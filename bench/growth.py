"""Store calls, units and milliseconds of operations as lists grow: `python -m bench.growth [rows …]`.

Counted on the embedded engine, with units as in `bench.costs`, and timed on DynamoDB Local up to 10,000 rows. The rows
of one created entity are copied under other ids, so that all of them are in the same person's list.
"""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import time_machine
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item

from bench.costs import count_units
from bench.demo_file import new_demo_file
from bench.results import save_results
from bench.timed_stores import TimedStores, start_timed_stores
from chalicelib.core.stores.items import to_item
from chalicelib.core.stores.lists import COUNTS
from chalicelib.inbox.domain.event_types import DAYS_COUNTED, counted_until
from chalicelib.resources import EVENT_TYPES
from chalicelib.vault import new_key
from infra.local import engine
from tests.conftest import Desk
from tests.support import engine_state, inputs
from tests.support.api import Answer, Api
from tests.support.sample_data import SampleData

_SIZES = (10, 1_000, 10_000)
_MOST_TIMED = 10_000
Rows = dict[tuple[str, str, str], Any]


@dataclass(frozen=True)
class Kind:
    """A kind of entity: how to add one, and the operations that read many, each with its name.

    `fill` creates so many that no request creates them.
    """

    add: tuple[str, Callable[[], Answer]]
    reads: dict[str, Callable[[], Answer]]
    fill: Callable[[int], None] | None = None

    @property
    def operations(self) -> dict[str, Callable[[], Answer]]:
        return self.reads if self.fill else dict([self.add]) | self.reads


def main() -> None:
    os.environ |= {
        "FLUXDEN_SECRET_KEY": new_key(),
        "DEMO_FILE": new_demo_file(),
        "FLUXDEN_BASE_URL": "http://desk.test",
    }
    os.environ |= dict.fromkeys(("FLUXDEN_PERSONAL_BUDGET", "FLUXDEN_KEY_BUDGET"), "1000000")
    engine.embed()
    sizes = [int(each) for each in sys.argv[1:]] or list(_SIZES)
    figures: dict[str, dict[str, dict[str, float]]] = {}
    with start_timed_stores() as stores:
        for kind in list_kinds(Api(), Desk(engine_state.restore_demo_organisation())):
            for size in sizes:
                for name, found in measure_kind(kind, size, stores if size <= _MOST_TIMED else None).items():
                    figures.setdefault(name, {})[str(size)] = found
    print(f"{'calls, units written, read; milliseconds':<40}" + "".join(f"{size:>20,}" for size in sizes))
    for name, by_size in figures.items():
        print(f"{name:<40}" + "".join(f"{format_figures(each):>20}" for each in by_size.values()))
    save_results("growth", figures)


def format_figures(found: dict[str, float]) -> str:
    """Return the figures of one operation as a cell of a table."""
    counted = ", ".join(f"{found[name]:g}" for name in ("calls", "written", "read"))
    return f"{counted}; {found['milliseconds']:.0f} ms" if "milliseconds" in found else counted


def measure_kind(kind: str, size: int, stores: TimedStores | None = None) -> dict[str, dict[str, float]]:
    """Return the calls and units of each operation on a list of so many entities, and its time on the stores."""
    thing = make_entities(kind, size)
    figures = {name: _count_calls(do) for name, do in thing.operations.items()}
    if stores is not None:
        stores.copy_rows()
        for name, do in thing.operations.items():
            figures[name]["milliseconds"] = round(stores.time_calls(do), 1)
    return figures


def make_entities(kind: str, size: int) -> Kind:
    """Return a kind of which there are so many, all but three as copies."""
    thing = list_kinds(Api(), Desk(engine_state.restore_demo_organisation()))[kind]
    _, add = thing.add
    if thing.fill:
        thing.fill(size)
        return thing
    for _ in range(2):  # the row with the counts exists from now on, and is not copied
        add()
    before = _rows()
    counted = {place: row.to_json()["Attributes"] for place, row in before.items() if place[2] == COUNTS}
    made = add()
    new = {place: row for place, row in _rows().items() if place not in before}
    identifier = made.json["deliveryId"] if "deliveryId" in made.json else made.json["data"]["id"]
    # Rows without the id in their key belong to all entities, such as a day's count.
    own = [(place[0], row.to_json()["Attributes"]) for place, row in new.items() if identifier in str(place)]
    _count_copies(counted, size - 3)
    for table, attributes in own:
        shared = {name: DynamoType(value) for name, value in attributes.items() if identifier not in str(value)}
        others = json.dumps({name: value for name, value in attributes.items() if name not in shared})
        for other in [str(UUID(int=number)) for number in range(1, size - 2)]:
            _put(table, json.loads(others.replace(identifier, other)), shared)
    return thing


def _count_copies(counted: Rows, copies: int) -> None:
    """Let the totals of lists count the copies of what was added last."""
    rows = _rows() if copies else {}
    for place, earlier in counted.items() if copies else ():
        attributes = rows[place].to_json()["Attributes"]
        for name in [each for each in attributes if "|" in each]:
            number, was = (int(each.get(name, {"N": "0"})["N"]) for each in (attributes, earlier))
            attributes[name] = {"N": str(number + (number - was) * copies)}
        _put(place[0], attributes)


def _fill_counted_types(size: int) -> None:
    """Count deliveries of so many combinations of day and event type."""
    today = datetime.now(UTC).date()
    for number in range(size):
        day = today - timedelta(days=number % DAYS_COUNTED)
        row = {"pk": "fd1", "sk": f"{day}#fd1.bench.type-{number // DAYS_COUNTED}", "count": 7}
        until = f"{day + timedelta(days=1)}T00"
        row |= {"lastSeenAt": f"{day}T10:11:12.000Z", "countedUntil": until}
        _put(EVENT_TYPES.physical_name, to_item(row))
    counted = {"pk": "fd1", "sk": "COUNTED", "until": counted_until(datetime.now(UTC))}
    _put(EVENT_TYPES.physical_name, to_item(counted))


def list_kinds(api: Api, desk: Desk) -> dict[str, Kind]:
    data, key = SampleData(api, desk), desk.bob_key

    def look(path: str, token: str = key) -> Callable[[], Answer]:
        return lambda: api.get(path, token)

    def adding(path: str, body: Any) -> Callable[[], Answer]:
        return lambda: api.post(path, body, key)

    def pagination(path: str, **query: Any) -> dict[str, Any]:
        found: dict[str, Any] = api.get(f"{path}&{urlencode(query)}", key).json["data"]["pagination"]
        return found

    def by_cursor(path: str) -> Callable[[], Answer]:
        """Return a request of the last page, by a cursor that is found once."""

        @cache
        def cursor() -> str:
            total = pagination(path, limit=1)["total"]
            return str(pagination(path, limit=1, offset=max(0, total - 101))["cursor"])

        return lambda: api.get(f"{path}&limit=100&cursor={cursor()}", key)

    def by_offset(path: str) -> Callable[[], Answer]:
        """Return a request of the last page by offset, or of the one at an offset of 9,000."""

        @cache
        def offset() -> int:
            total = int(pagination(path, limit=1)["total"])
            return min(9_000, max(0, total - 100))

        return lambda: api.get(f"{path}&limit=100&offset={offset()}", key)

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
                "event types, before the hourly count": look("/api/v1/event-types", desk.fd1),
                "what was sent, by a rare label": look("/api/v1/events?label=repo:rare", desk.fd1),
            },
        ),
        "counted types": Kind(
            ("publish an event", lambda: api.post("/api/v1/events", inputs.new_event(), desk.bob)),
            {"event types, days counted": look("/api/v1/event-types", desk.fd1)},
            fill=_fill_counted_types,
        ),
        "queue": Kind(
            ("add to the queue", adding("/api/v2/queue", {"title": "x"})),
            {
                "first page of the queue": look("/api/v2/queue"),
                "the queue, at an offset of 9,000": by_offset("/api/v2/queue?"),
                "the queue, the last page by cursor": by_cursor("/api/v2/queue?"),
            },
        ),
        "contacts": Kind(
            ("add to the contacts", adding("/api/v2/contacts", {"name": "North", "tags": "x"})),
            {
                "first page of the contacts": look("/api/v2/contacts"),
                "search that finds one contact": look("/api/v2/contacts?search=xylo"),
                "search that finds all contacts": look("/api/v2/contacts?search=nor"),
                "the same, with a tag that all have": look("/api/v2/contacts?search=nor&tag=x"),
                "contacts, the last page by cursor": by_cursor("/api/v2/contacts?"),
                "contacts, at an offset of 9,000": by_offset("/api/v2/contacts?"),
            },
        ),
        "board": Kind(
            ("add to the board", adding("/api/v2/kanban", {"title": "x"})),
            {
                "first page of the board": look("/api/v2/kanban"),
                "the board, at an offset of 9,000": by_offset("/api/v2/kanban?"),
                "the board, the last page by cursor": by_cursor("/api/v2/kanban?"),
                "cards of a stage, the last page by cursor": by_cursor("/api/v2/kanban?status=leads"),
            },
        ),
        "chat": Kind(
            ("say in the chat", adding("/api/v2/shared-chat/send", {"content": "x"})),
            {"newest page of the chat": look("/api/v2/shared-chat/messages")},
        ),
        "relays": Kind(
            ("send a relay", relay),
            {
                "first page of the relays": look("/api/v2/relays"),
                "the relays, the last page by cursor": by_cursor("/api/v2/relays?"),
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


def _put(name: str, attributes: Any, shared: dict[str, DynamoType] | None = None) -> None:
    """Store a valid row at once, with values that other rows have too. The engine's own way takes ten times as long."""
    table, item = _tables()[name], Item(DynamoType({"S": ""}), None, {})
    dict.update(item.attrs, {name: DynamoType(value) for name, value in attributes.items()}, **(shared or {}))
    table.is_written = True  # so that it is restored
    item.hash_key, item.range_key = item.attrs[table.hash_key_attr], item.attrs.get(table.range_key_attr)
    if item.range_key is None:
        table.items[item.hash_key] = item
    else:
        table.items[item.hash_key][item.range_key] = item


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
