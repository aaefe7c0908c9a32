"""Warm CPU of an operation outside boto3: `python -m bench.cpu [rounds]`.

Three operations, each by its own function, by FastAPI behind Mangum, by Powertools' resolver, and by none. All have
the same models, use cases and stores. The two frameworks do what the contract asks of a service besides: problems as
errors, a request's id and line in the log, the budget's headers, the checks of JSON that pydantic does not make. They
leave out idempotency keys, sizes and media types; "no framework" leaves out everything but the job.

What the stores answered once is answered again from memory, in place of boto3's own work; so nobody waits, and of
simultaneous calls all are made by the thread that asks. Where a store does take its time, handing a call over to a
thread takes some 30 microseconds more, whoever asks. All take turns within one process; CPU is that of all its threads.
"""

import gc
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from statistics import quantiles
from typing import Any

from chalice.local import LambdaContext

from bench.machine import told
from bench.results import keep
from chalicelib import aws, ids
from chalicelib.vault import new_key
from infra.local import engine
from tests.conftest import Desk
from tests.support import engine_state, inputs
from tests.support.api import SERVED, gateway_event

_ROUNDS, _CALLS = 30, 40
_MOST_CALLS = 4
_CONTEXT = LambdaContext("measured", 1024)
OURS, FASTAPI, POWERTOOLS, BARE = "fluxden", "FastAPI + Mangum", "Powertools", "no framework"
Handler = Callable[[dict[str, Any], Any], Any]


def measure(rounds: int = _ROUNDS) -> dict[str, dict[str, float]]:
    """Microseconds a call, by operation and framework: lower quartiles, since others only ever add."""
    desk = _prepare()
    return {name: _operation(handlers, event, rounds) for name, (handlers, event) in _jobs(desk).items()}


def _prepare() -> Desk:
    os.environ |= {"DEMO_FILE": os.devnull, "FLUXDEN_SECRET_KEY": new_key()}
    os.environ |= dict.fromkeys(
        ("FLUXDEN_PERSONAL_BUDGET", "FLUXDEN_KEY_BUDGET", "FLUXDEN_DEMO_DAILY_LIMIT"), "9999999"
    )
    engine.embed()
    # Where a function's lines would go, without the terminal's part in it.
    logging.basicConfig(level=logging.INFO, stream=open(os.devnull, "w"), force=True)  # noqa: PTH123, SIM115
    return Desk(engine_state.restore_demo_organisation())


def _jobs(desk: Desk) -> dict[str, tuple[dict[str, Handler], dict[str, Any]]]:
    from bench import bare_jobs, fastapi_handler, fastapi_inbox, powertools_handler

    def peers(fastapi: Any, bare: Handler, method: str, path: str) -> dict[str, Handler]:
        return {
            OURS: SERVED[method, path],
            FASTAPI: fastapi.handler,
            POWERTOOLS: powertools_handler.handler,
            BARE: bare,
        }

    events, inbox = "/api/v1/events", "/api/v1/inbox"
    sent = [_call(SERVED["POST", events], _event("POST", events, desk.alice, inputs.new_event())) for _ in range(25)]
    read = f"{inbox}/{json.loads(sent[0]['body'])['deliveryId']}"
    return {
        "publish an event": (
            peers(fastapi_handler, bare_jobs.publish_event, "POST", events),
            _event("POST", events, desk.alice, inputs.new_event()),
        ),
        "read a delivery": (
            peers(fastapi_inbox, bare_jobs.get_inbox_delivery, "GET", f"{inbox}/{{deliveryId}}"),
            _event("GET", read, desk.alice_key),
        ),
        "list 25 deliveries": (
            peers(fastapi_inbox, bare_jobs.list_inbox, "GET", inbox),
            _event("GET", f"{inbox}?limit=25", desk.alice_key),
        ),
    }


def _event(method: str, path: str, token: str, body: Any = None) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Host": "desk.test"}
    event = gateway_event(method, path, headers, None if body is None else json.dumps(body))
    event["requestContext"]["stage"] = "desk"
    query = event["multiValueQueryStringParameters"]
    return event | {
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": {name: values[0] for name, values in query.items()} if query else None,
    }


def _call(handler: Handler, event: dict[str, Any]) -> Any:
    reply = handler(event, _CONTEXT)
    assert reply["statusCode"] < 300, reply  # noqa: PLR2004 - of success
    return reply


def _operation(handlers: dict[str, Handler], event: dict[str, Any], rounds: int) -> dict[str, float]:
    found: dict[str, list[float]] = {name: [] for name in handlers}
    # Of the same mark, so that what is answered from memory stays the first send and is no repeat.
    vars(ids)["nonce"] = partial(str, ids.nonce())
    with _recorded() as replies:
        expected = _call(handlers[OURS], event)
    assert len(replies) <= _MOST_CALLS, "a minute began meanwhile, which takes one more: measure again"
    with _replayed(replies):
        for name, handler in handlers.items():
            _same(name, expected, _call(handler, event))
        for _ in range(rounds):
            for name, handler in handlers.items():
                found[name].append(_cpu(partial(_call, handler, event)))
    return {name: quantiles(times, n=4)[0] * 1_000_000 for name, times in found.items()}


def _cpu(call: Callable[[], Any]) -> float:
    gc.collect()
    start = time.process_time()
    for _ in range(_CALLS):
        call()
    return (time.process_time() - start) / _CALLS


def _same(name: str, expected: Any, reply: Any) -> None:
    ours, others = (set(json.loads(each["body"])) for each in (expected, reply))
    assert ours == others, f"{name} answers otherwise: {ours ^ others}"


@contextmanager
def _recorded() -> Iterator[list[tuple[str, Any]]]:
    """Note what the stores answer meanwhile, by what was asked of which table."""
    client: Any = aws.dynamodb()
    made: list[tuple[str, Any]] = []
    plain = client._make_api_call

    def asked(name: str, params: dict[str, Any]) -> Any:
        answer = plain(name, params)
        made.append((_place(name, params), answer))
        return answer

    client._make_api_call = asked
    try:
        yield made
    finally:
        del client._make_api_call


@contextmanager
def _replayed(recorded: list[tuple[str, Any]]) -> Iterator[None]:
    """Answer as was noted, in turn where the same was asked more than once; anything else is a mistake."""
    client: Any = aws.dynamodb()
    answers = {place: cycle([answer for at, answer in recorded if at == place]) for place, _ in recorded}
    client._make_api_call = lambda name, params: next(answers[_place(name, params)])
    try:
        yield
    finally:
        del client._make_api_call


def _place(name: str, params: dict[str, Any]) -> str:
    return f"{name} {params.get('TableName', '')} {params.get('IndexName', '')}"


def main() -> None:
    print(told())
    print(f"{'microseconds of CPU a call':<28}{OURS:>10}{FASTAPI:>18}{POWERTOOLS:>12}{BARE:>14}   of FastAPI's")
    measured = measure(int(sys.argv[1]) if len(sys.argv) > 1 else _ROUNDS)
    keep("cpu", measured)
    for name, of in measured.items():
        figures = f"{of[OURS]:>10.0f}{of[FASTAPI]:>18.0f}{of[POWERTOOLS]:>12.0f}{of[BARE]:>14.0f}"
        print(f"{name:<28}{figures}   {ratio(of):.2f}; beyond the job itself {overhead_ratio(of):.2f}")


def ratio(of: dict[str, float]) -> float:
    """Ours, as a part of what FastAPI + Mangum takes."""
    return of[OURS] / of[FASTAPI]


def overhead_ratio(of: dict[str, float]) -> float:
    """The same of what each adds to the job that all of them do."""
    return (of[OURS] - of[BARE]) / (of[FASTAPI] - of[BARE])


if __name__ == "__main__":
    main()
