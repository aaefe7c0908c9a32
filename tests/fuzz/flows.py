"""Sequences of calls with generated bodies. Each response is checked against our document."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings, strategies
from schemathesis.checks import CHECKS, load_all_checks

from chalicelib.core.domain.fields import timestamp
from infra.editions import edition_of
from tests.fuzz.admin import run_admin
from tests.support.contract import with_whole_paths
from tests.support.started_desk import StartedDesk

load_all_checks()
_CHECKS: Any = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    ]
)
_SUCCESSES = range(200, 300)
_SCHEMAS = {
    path: schemathesis.openapi.from_dict(with_whole_paths(json.loads(edition_of(path).file.read_text("utf-8"))))
    for path in ("/api/v1", "/api/v2", "/scim/v2")
}
_SCIM_CORE = "urn:ietf:params:scim:schemas:core:2.0"
_SCIM_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
Known = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """One call. `fixed` returns body fields that are not generated, from earlier responses. `...` removes a field."""

    method: str
    path: str
    token: Callable[[Known], str]
    fixed: Callable[[Known], dict[str, Any]] = field(default=lambda _: {})
    query: Callable[[Known], dict[str, Any]] = field(default=lambda _: {})


def flows(demo: dict[str, Any]) -> dict[str, tuple[Step, ...]]:
    """Return the flows by name."""
    personal, tools, key = (
        lambda _: str(demo["personal_tokens"]["alice"]),
        lambda _: str(demo["tools_tokens"]["fd1"]),
        lambda _: str(demo["api_keys"]["alice"]),
    )

    def fd1(_: Known) -> dict[str, Any]:
        return {
            "event_type": "fd1.build.failed",
            "occurred_at": timestamp(datetime.now(UTC)),
            "external_url": "https://fd1.example.com",
            "actions": [],
            "project_slug": ...,
        }

    def carol(_: Known) -> dict[str, Any]:
        return {"email": "carol@example.com", "daily_limit": 1000, "severity_ceiling": ...}

    scim_token = run_admin(demo, "scim-tokens", "create", "--name", "flows")["token"]

    def directory(_: Known) -> str:
        return scim_token

    def user(_: Known) -> dict[str, Any]:
        return {"schemas": [f"{_SCIM_CORE}:User"], "userName": f"{uuid4()}@example.com"}

    def group(_: Known) -> dict[str, Any]:
        return {"schemas": [f"{_SCIM_CORE}:Group"], "displayName": str(uuid4())}

    def renaming(_: Known) -> dict[str, Any]:
        operation = {"op": "replace", "path": "displayName", "value": str(uuid4())}
        return {"schemas": [_SCIM_PATCH], "Operations": [operation]}

    follow_up = (
        Step("GET", "/api/v1/events/{deliveryId}", personal),
        Step("POST", "/api/v1/events/{deliveryId}/resolve", personal),
        Step("POST", "/api/v1/events/{deliveryId}/supplement", personal),
        Step("GET", "/api/v1/inbox/{deliveryId}", key),
    )
    return {
        "publish, read, resolve, supplement": (Step("POST", "/api/v1/events", personal, fd1), *follow_up),
        "claim, publish": (
            Step("POST", "/api/v1/tokens/claim", tools, carol),
            Step("POST", "/api/v1/events", lambda known: str(known["token"]), fd1),
        ),
        **{
            f"create, read, change, delete: {path}": (
                Step("POST", path, key, made),
                Step("GET", f"{path}/{{id}}", key),
                Step("PATCH", f"{path}/{{id}}", key, made),
                Step("DELETE", f"{path}/{{id}}", key),
            )
            for path, made in (
                ("/api/v2/kanban", lambda _: {"order": 1}),
                ("/api/v2/contacts", lambda _: {"enrichedData": None}),
            )
        },
        **{
            f"create, read, replace, change, delete: {path}": (
                Step("POST", path, directory, made),
                Step("GET", f"{path}/{{id}}", directory),
                Step("PUT", f"{path}/{{id}}", directory, made),
                Step("PATCH", f"{path}/{{id}}", directory, renaming),
                Step("DELETE", f"{path}/{{id}}", directory),
            )
            for path, made in (("/scim/v2/Users", user), ("/scim/v2/Groups", group))
        },
        "create, change, use, delete: /api/v2/keys": (
            Step("POST", "/api/v2/keys", key),
            Step("PATCH", "/api/v2/keys", key, lambda known: {"id": known["id"], "isActive": True}),
            Step("GET", "/api/v2/queue", lambda known: str(known["key"])),
            Step("DELETE", "/api/v2/keys", key, query=lambda known: {"id": known["id"]}),
        ),
        "queue, read, confirm, start, finish": (
            Step("POST", "/api/v2/queue", key),
            Step("GET", "/api/v2/queue/{id}", key),
            Step("POST", "/api/v2/queue/{id}/confirm", key, lambda _: {"action": "approve", "recipient": ...}),
            Step("POST", "/api/v2/queue/{id}/status", key, lambda _: {"status": "in_progress"}),
            Step("POST", "/api/v2/queue/{id}/result", key, lambda _: {"status": "done_today"}),
        ),
    }


def run(system: StartedDesk, examples: int, number: int) -> list[str]:
    """Return the failures: invalid responses, and flows without a complete example."""
    found = []
    for name, steps in flows(system.demo).items():
        ended: Counter[int] = Counter()
        try:
            _walk(steps, system.demo["base_url"], examples, number, ended)
        except Exception as failure:
            # Any exception is a failure.
            found.append(f"{name}: {failure!r}")
        if not ended[len(steps)]:
            found.append(f"{name}: no example got further than step {max(ended, default=0)}")
        print(f"{name}: {sum(ended.values())} examples, {ended[len(steps)]} to the end", flush=True)
    return found


def _walk(steps: tuple[Step, ...], base_url: str, examples: int, number: int, ended: Counter[int]) -> None:
    @seed(number)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategies.data())
    def walk(data: strategies.DataObject) -> None:
        known: Known = {}
        done = 0
        for step in steps:
            status, reply = _take(step, data, known, base_url)
            if status not in _SUCCESSES:
                break
            done += 1
            known |= {name: value for name, value in reply.items() if name in ("deliveryId", "token", "id", "key")}
        ended[done] += 1

    walk()


def _take(step: Step, data: strategies.DataObject, known: Known, base_url: str) -> tuple[int, dict[str, Any]]:
    case = data.draw(_SCHEMAS["/".join(step.path.split("/")[:3])][step.path][step.method].as_strategy())
    case.path_parameters = {name: value for name, value in known.items() if f"{{{name}}}" in step.path}
    case.query |= step.query(known)
    # A generated key may be that of another request, and a generated version is no resource's.
    for name in ("Idempotency-Key", "If-Match", "If-None-Match"):
        case.headers.pop(name, None)
    if isinstance(case.body, dict):
        body = case.body | step.fixed(known)
        case.body = {name: value for name, value in body.items() if value is not ...}
    headers = {"Authorization": f"Bearer {step.token(known)}"}
    response = case.call(base_url=base_url, headers=headers)
    case.validate_response(response, checks=_CHECKS, headers=headers)
    reply = response.json() if response.content else {}
    return response.status_code, reply.get("data", reply)
