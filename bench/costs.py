"""The price of a million requests on AWS: `python -m bench.costs`.

Runs each request once on the embedded engine, counts its units, and multiplies them by the list prices in
`bench/prices.json`. Read units follow from the size of the response, write units from the size of the row afterwards
plus one for each changed index entry; transactions count twice. A function is assumed to run for 20 ms, plus 6 ms for
each store call in sequence, at its deployed memory.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from app import app
from bench.demo_file import new_demo_file
from bench.people import add_approved_people
from bench.results import save_results
from chalicelib import aws
from chalicelib.resources import CALLBACKS, FAN_OUT
from chalicelib.vault import new_key
from infra import tables
from infra.docs.unused_desk import PRICES, price_unused_desk
from infra.template.entry_points import list_entry_points
from tests.conftest import Desk
from tests.support import engine_state, inputs
from tests.support.api import Api
from tests.support.item_sizes import kilobytes, size
from tests.support.pump import Pumps
from tests.support.store_calls import record_store_calls

_BASE_SECONDS, _STEP_SECONDS = 0.020, 0.006
_LOG_BYTES = 700  # the log lines of the operation and the gateway
_MEMORY_GIGABYTES = 1.0
_MILLION = 1_000_000
_MANY = 100
_TO_MANY = f"send to {_MANY} people at once"
_DEFINITIONS = {definition.table.physical_name: definition for definition in tables.DEFINITIONS}
_MEMBERS = {"Put", "Update", "Delete", "ConditionCheck"}


def main() -> None:
    _start_engine()
    api, pumps = Api(), Pumps()
    print(f"USD for a million, at the list prices of {PRICES['date']} in {PRICES['region']}:")
    print(f"{'':<40}{'total':>9}{'gateway':>9}{'functions':>10}{'rows':>8}{'queues':>8}   units written, read")
    figures: dict[str, dict[str, float]] = {}
    for name, do in _flows(api, pumps).items():
        with count_units() as units, record_store_calls() as seen:
            functions = do()
        units["function_call"], units["steps"] = functions, seen.steps
        total = _print_line(name, units)
        figures[name] = {"usd": total, "calls": len(seen.calls), "written": units["write"], "read": units["read"]}
    many = figures[_TO_MANY]
    each = {name: value / _MANY for name, value in many.items()}
    figures["one delivery of those"] = each
    print(
        f"{'  of these, a million deliveries':<40}{each['usd']:>9.2f}{'':>35}   {each['written']:g}, {each['read']:g}"
    )
    save_results("costs", figures)
    price = price_unused_desk(list_entry_points(app))
    print(f"A month without requests: {price.total:.2f}")


def _start_engine() -> None:
    import os

    from infra.local import engine

    os.environ |= {"FLUXDEN_SECRET_KEY": new_key(), "DEMO_FILE": new_demo_file()}
    os.environ |= dict.fromkeys(("FLUXDEN_PERSONAL_BUDGET", "FLUXDEN_TOOLS_BUDGET", "FLUXDEN_KEY_BUDGET"), "1000000")
    engine.embed()


def _flows(api: Api, pumps: Pumps) -> dict[str, Callable[[], int]]:
    """Return the requests by name. Each returns how many functions ran."""
    desk = Desk(engine_state.restore_demo_organisation())
    events, inbox = "/api/v1/events", "/api/v1/inbox"
    action = {"label": "Go", "action_type": "webhook", "webhook_url": "https://hooks.example.com/x"}
    sent = api.post(events, inputs.new_event(actions=[action]), desk.alice).json["deliveryId"]
    people = [{"type": "email", "email": f"{name}@example.com"} for name in ("alice", "bob", "carol")]

    def large() -> dict[str, Any]:
        return inputs.new_event(markdown_body="x" * 1350)  # a row of 2 KB

    def called(status: int) -> int:
        assert status < 300, status  # noqa: PLR2004 - of success
        return 1

    def bulk() -> int:
        status = api.post(f"{events}/bulk", {"recipients": people, "event": inputs.new_event()}, desk.fd1).status
        return called(status) + pumps.drain(FAN_OUT)

    crowd = add_approved_people(_MANY)

    def to_many() -> int:
        status = api.post(f"{events}/bulk", {"recipients": crowd, "event": inputs.new_event()}, desk.fd1).status
        # A function gets several messages at a time.
        return called(status) + pumps.drain(FAN_OUT)

    to_many()  # the first send also creates everybody's token

    def click() -> int:
        # The receiver can't be reached, but the attempt is recorded.
        return called(api.post(f"{inbox}/{sent}/actions/0", None, desk.alice_key).status) + pumps.drain(CALLBACKS)

    return {
        "publish an event": lambda: called(api.post(events, inputs.new_event(), desk.alice).status),
        "publish an event of 2 KB": lambda: called(api.post(events, large(), desk.alice).status),
        "publish, with two labels": lambda: called(
            api.post(events, inputs.new_event(labels={"repo": "x", "env": "y"}), desk.alice).status
        ),
        "publish, with Idempotency-Key": lambda: called(
            api.post(events, inputs.new_event(), desk.alice, key="k").status
        ),
        "list the inbox": lambda: called(api.get(inbox, desk.alice_key).status),
        "read a delivery": lambda: called(api.get(f"{inbox}/{sent}", desk.alice_key).status),
        "send to three people at once": bulk,
        _TO_MANY: to_many,
        "click a button, and one attempt": click,
        "queue an item": lambda: called(api.post("/api/v2/queue", {"title": "x"}, desk.alice_key).status),
        "say something in the chat": lambda: called(
            api.post("/api/v2/shared-chat/send", {"content": "x"}, desk.alice_key).status
        ),
    }


def _print_line(name: str, units: Counter[str]) -> float:
    per, functions = PRICES["per_million"], units["function_call"]
    seconds = functions * _BASE_SECONDS + units["steps"] * _STEP_SECONDS
    gateway = per["http_request"] + _LOG_BYTES * _MILLION / 1e9 * PRICES["per_gigabyte_of_logs"]
    running = functions * per["function_call"] + seconds * _MEMORY_GIGABYTES * PRICES["per_gigabyte_second"] * _MILLION
    rows = units["write"] * per["write_unit"] + units["read"] * per["read_unit"]
    queues = units["queue"] * per["queue_request"]
    total = gateway + running + rows + queues
    print(
        f"{name:<40}{total:>9.2f}{gateway:>9.2f}{running:>10.2f}{rows:>8.2f}{queues:>8.2f}"
        f"   {units['write']:g}, {units['read']:g}"
    )
    return float(total)


@contextmanager
def count_units() -> Iterator[Counter[str]]:
    """Count the units of every call in the block."""
    units: Counter[str] = Counter()
    asked_for: list[tuple[str, Any]] = []

    def note(params: Any, model: Any, **_: object) -> None:
        asked_for.append((model.name, dict(params)))

    def answered(parsed: Any, model: Any, **_: object) -> None:
        units["read"] += _units_read(model.name, parsed)  # type: ignore[assignment]

    dynamodb, sqs = aws.dynamodb().meta.events, aws.sqs().meta.events
    for events in (dynamodb, sqs):
        events.register("before-parameter-build", note)
    dynamodb.register("after-call", answered)
    try:
        yield units
    finally:
        for events in (dynamodb, sqs):
            events.unregister("before-parameter-build", note)
        dynamodb.unregister("after-call", answered)
    for name, params in asked_for:
        units["queue"] += 1 if name.endswith(("Message", "MessageBatch")) and "QueueUrl" in params else 0
        units["write"] += sum(_units_written(params, name))


def _units_read(name: str, parsed: Any) -> float:
    found = parsed.get("Items") or ([parsed["Item"]] if "Item" in parsed else [])
    found = found or [row for rows in parsed.get("Responses", {}).values() for row in rows]
    if name not in ("GetItem", "Query", "BatchGetItem"):
        return 0
    # Consistent reads, as most of ours are.
    if name == "BatchGetItem":
        return sum(math.ceil(size(row) / 4096) for row in found)
    return max(1, math.ceil(sum(map(size, found)) / 4096))


def _units_written(params: Any, name: str) -> Iterator[int]:
    if name == "TransactWriteItems":
        for member in params["TransactItems"]:
            ((kind, inner),) = member.items()
            assert kind in _MEMBERS
            yield 2 * _row_units(inner)
    elif name == "BatchWriteItem":
        for table, requests in params["RequestItems"].items():
            for request in requests:
                ((_, inner),) = request.items()
                yield _row_units({"TableName": table} | inner)
    elif name in ("PutItem", "UpdateItem", "DeleteItem"):
        yield _row_units(params)


def _row_units(written: Any) -> int:
    """Return a unit per kilobyte of the row as it is now, and one for each index entry that may have changed."""
    definition = _DEFINITIONS[written["TableName"]]
    names = ["pk", *([definition.sort_key] if definition.sort_key else [])]
    given = written.get("Key") or {name: written["Item"][name] for name in names}
    key = {name: given[name] for name in names}
    row = aws.dynamodb().get_item(TableName=written["TableName"], Key=key).get("Item", key)
    changed = _changed_attributes(written)
    entries = [each for each in definition.indexes if each.partition_key in row and each.sort_key in row]
    indexed = [
        each for each in entries if changed is None or changed & {each.partition_key, each.sort_key, *each.included}
    ]
    return kilobytes(row) + len(indexed)


def _changed_attributes(written: Any) -> set[str] | None:
    """Return the attributes that an update names; None if the whole row is written or deleted.

    An index entry is written only when something that it holds changes.
    """
    if "UpdateExpression" not in written:
        return None
    names = written.get("ExpressionAttributeNames", {})
    return {names.get(each, each) for each in re.findall(r"(?<![:\w])#?\w+", written["UpdateExpression"])}


if __name__ == "__main__":
    main()
