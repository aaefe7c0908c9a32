"""Warm CPU of an operation without boto3: `python -m bench.cpu [rounds]`.

Measures three operations, each with its own function, FastAPI + Mangum, Powertools' resolver, and no framework. All use
the same models, use cases and stores. The frameworks also do what the contract requires: problem details, request ids
and log lines, rate-limit headers, and checks of JSON that pydantic does not make. They leave out idempotency keys,
sizes and media types. "No framework" only does the job itself.

Responses of the stores are recorded once and replayed from memory, in place of boto3's work. So nothing waits, and
concurrent calls all run in the calling thread. With a real store, passing a call to a thread takes about 30
microseconds more. The variants take turns in one process, and CPU includes all threads.
"""

import gc
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import cycle
from statistics import quantiles
from typing import Any

import time_machine
from chalice.local import LambdaContext

from bench.demo_file import new_demo_file
from bench.machine import describe_machine
from bench.results import save_results
from chalicelib import aws, ids
from chalicelib.telemetry import logs
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
    """Return microseconds per call by operation and framework. Lower quartiles, because noise only adds."""
    # Replayed replies are those of one minute, and on a busy machine the turns take several.
    with time_machine.travel(datetime.now(UTC), tick=False):
        jobs = _list_jobs(_prepare())
        return {name: _measure_operation(handlers, event, rounds) for name, (handlers, event) in jobs.items()}


def _prepare() -> Desk:
    os.environ |= {"DEMO_FILE": new_demo_file(), "FLUXDEN_SECRET_KEY": new_key()}
    os.environ |= dict.fromkeys(
        ("FLUXDEN_PERSONAL_BUDGET", "FLUXDEN_KEY_BUDGET", "FLUXDEN_DEMO_DAILY_LIMIT"), "9999999"
    )
    engine.embed()
    # Log lines are formatted but not printed: our lines and metrics as on Lambda, those of the others as plain text.
    nowhere = open(os.devnull, "w")  # noqa: PTH123, SIM115
    logging.basicConfig(level=logging.INFO, stream=nowhere, force=True)
    logs.install(nowhere)
    return Desk(engine_state.restore_demo_organisation())


def _list_jobs(desk: Desk) -> dict[str, tuple[dict[str, Handler], dict[str, Any]]]:
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
    # The first call of a minute takes one more, so it is not the one that is recorded.
    _call(SERVED["GET", inbox], _event("GET", inbox, desk.alice_key))
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


def _measure_operation(handlers: dict[str, Handler], event: dict[str, Any], rounds: int) -> dict[str, float]:
    found: dict[str, list[float]] = {name: [] for name in handlers}
    # Every call sends the same nonce, so that replayed responses describe a first send, not a repeat.
    vars(ids)["new_nonce"] = partial(str, ids.new_nonce())
    with _record_responses() as replies:
        expected = _call(handlers[OURS], event)
    assert len(replies) <= _MOST_CALLS, [name for name, _ in replies]
    with _replay_responses(replies):
        for name, handler in handlers.items():
            _check_same_reply(name, expected, _call(handler, event))
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


def _check_same_reply(name: str, expected: Any, reply: Any) -> None:
    ours, others = (set(json.loads(each["body"])) for each in (expected, reply))
    assert ours == others, f"{name} answers otherwise: {ours ^ others}"


@contextmanager
def _record_responses() -> Iterator[list[tuple[str, Any]]]:
    """Record the responses of the stores by action and table."""
    client: Any = aws.dynamodb()
    made: list[tuple[str, Any]] = []
    plain = client._make_api_call

    def asked(name: str, params: dict[str, Any]) -> Any:
        answer = plain(name, params)
        made.append((_request_key(name, params), answer))
        return answer

    client._make_api_call = asked
    try:
        yield made
    finally:
        del client._make_api_call


@contextmanager
def _replay_responses(recorded: list[tuple[str, Any]]) -> Iterator[None]:
    """Replay recorded responses in their order. Any other request is an error."""
    client: Any = aws.dynamodb()
    answers = {place: cycle([answer for at, answer in recorded if at == place]) for place, _ in recorded}
    client._make_api_call = lambda name, params: next(answers[_request_key(name, params)])
    try:
        yield
    finally:
        del client._make_api_call


def _request_key(name: str, params: dict[str, Any]) -> str:
    return f"{name} {params.get('TableName', '')} {params.get('IndexName', '')}"


def main() -> None:
    print(describe_machine())
    print(f"{'microseconds of CPU a call':<28}{OURS:>10}{FASTAPI:>18}{POWERTOOLS:>12}{BARE:>14}   of FastAPI's")
    measured = measure(int(sys.argv[1]) if len(sys.argv) > 1 else _ROUNDS)
    save_results("cpu", measured)
    for name, of in measured.items():
        figures = f"{of[OURS]:>10.0f}{of[FASTAPI]:>18.0f}{of[POWERTOOLS]:>12.0f}{of[BARE]:>14.0f}"
        print(f"{name:<28}{figures}   {ratio(of):.2f}; beyond the job itself {overhead_ratio(of):.2f}")


def ratio(of: dict[str, float]) -> float:
    """Return our CPU relative to FastAPI + Mangum."""
    return of[OURS] / of[FASTAPI]


def overhead_ratio(of: dict[str, float]) -> float:
    """Return the same ratio without the job that all variants share."""
    return (of[OURS] - of[BARE]) / (of[FASTAPI] - of[BARE])


if __name__ == "__main__":
    main()
