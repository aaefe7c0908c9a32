"""Random sequences of calls, compared with small models."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import hypothesis.strategies as st
import pytest
import time_machine
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tests.conftest import Desk
from tests.support import engine_state
from tests.support.api import Answer, Api
from tests.support.faults import Fault, fault_at, inject_faults, intercept_engine
from tests.support.instances import run_admin

WHOLE = os.environ.get("SWEEP") == "whole"
WALKS = settings(
    max_examples=40 if WHOLE else 2,
    stateful_step_count=40 if WHOLE else 14,
    derandomize=not WHOLE,
    suppress_health_check=list(HealthCheck),
    database=None,
)
NOON = datetime(2026, 5, 21, 12, 0, 10, tzinfo=UTC)
# A fault at one of the call's store calls; mostly none.
FAULTS = st.sampled_from([None, None, None, Fault.LOST, Fault.TIMED_OUT, Fault.THROTTLED, Fault.CONFLICTED])
CALL_NUMBERS = st.integers(1, 6)
OPEN, ENDS = ("ready", "in_progress", "blocked"), "done_today"


@pytest.fixture(autouse=True)
def _large_budgets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEY", "PERSONAL", "TOOLS"):
        monkeypatch.setenv(f"FLUXDEN_{name}_BUDGET", "100000")


class Walk(RuleBasedStateMachine):
    """A desk at noon. Each call has its own idempotency key and may meet a fault."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = time_machine.travel(NOON, tick=False)
        self.time = self.clock.start()
        self.desk, self.api, self.calls = Desk(engine_state.restore_demo_organisation()), Api(), 0

    def call(self, method: str, path: str, body: Any, token: str, fault: Fault | None, place: int) -> Answer:
        self.calls += 1
        with inject_faults(fault_at(place, fault) if fault else lambda *_: None):
            return self.api.call(method, path, body, token=token, key=f"walk-{self.calls}")

    def teardown(self) -> None:
        self.clock.stop()


class Queue(Walk):
    """Model of Alice's queue: the status of each item, and the items that are dispatched.

    Items are drawn in the order they were created, because ids are random and a walk must be repeatable.
    """

    def __init__(self) -> None:
        super().__init__()
        self.items: dict[str, str] = {}
        self.order: list[str] = []
        self.chief = self.approves = False

    def call_queue(self, path: str, body: Any, fault: Fault | None, place: int, method: str = "POST") -> Answer:
        return self.call(method, f"/api/v2/{path}", body, self.desk.alice_key, fault, place)

    def _check_dispatched(self, dispatched: Any, put_back: str | None = None) -> None:
        """Check that the oldest ready item is dispatched if nothing is in progress, but not one just put back."""
        busy = "in_progress" in self.items.values()
        ready = [each for each in self.order if self.items.get(each) == "ready" and each != put_back]
        wanted = ready[0] if self.chief and not busy and ready else None
        assert (dispatched or {}).get("id") == wanted
        if wanted:
            self.items[wanted] = "in_progress"

    @rule(fault=FAULTS, place=CALL_NUMBERS)
    def add(self, fault: Fault | None, place: int) -> None:
        self.time.shift(timedelta(seconds=1))
        made = self.call_queue("queue", {"title": "x"}, fault, place).json["data"]
        self.items[made["id"]] = "ready" if self.approves else "pending_confirmation"
        self.order.append(made["id"])
        if self.approves:
            self._check_dispatched(made["autoDispatched"])
        assert made["status"] == self.items[made["id"]]

    @rule(fault=FAULTS, place=CALL_NUMBERS, approves=st.booleans())
    def set_approval(self, fault: Fault | None, place: int, approves: bool) -> None:
        assert self.call_queue("settings", {"queueAutoApprove": approves}, fault, place, "PATCH").status == 200
        self.approves = approves

    @rule(fault=FAULTS, place=CALL_NUMBERS, chief=st.booleans())
    def set_mode(self, fault: Fault | None, place: int, chief: bool) -> None:
        reply = self.call_queue("settings", {"mode": "chief_of_staff" if chief else "cockpit"}, fault, place, "PATCH")
        self.chief = chief
        self._check_dispatched(reply.json["data"].get("autoDispatched"))

    @precondition(lambda self: self.items)
    @rule(data=st.data(), fault=FAULTS, place=CALL_NUMBERS, action=st.sampled_from(["approve", "reject"]))
    def confirm(self, data: Any, fault: Fault | None, place: int, action: str) -> None:
        item = data.draw(st.sampled_from(list(self.items)))
        reply = self.call_queue(f"queue/{item}/confirm", {"action": action}, fault, place)
        waits = self.items[item] == "pending_confirmation"
        assert reply.status == (200 if waits else 400), reply.text
        if waits and action == "approve":
            self.items[item] = "ready"
            self._check_dispatched(reply.json["data"]["autoDispatched"])
        elif waits:
            del self.items[item]

    @precondition(lambda self: self.items)
    @rule(
        data=st.data(), fault=FAULTS, place=CALL_NUMBERS, status=st.sampled_from([*OPEN, ENDS, "pending_confirmation"])
    )
    def move(self, data: Any, fault: Fault | None, place: int, status: str) -> None:
        item = data.draw(st.sampled_from(list(self.items)))
        met = self.items[item]
        reply = self.call_queue(f"queue/{item}/status", {"status": status}, fault, place)
        allowed = met == status or (met in OPEN and status in (*OPEN, ENDS))
        assert reply.status == (200 if allowed else 400), (met, status, reply.text)
        if allowed and met != status:
            self.items[item] = status
            put_back = item if met == "in_progress" else None
            self._check_dispatched(reply.json["data"]["autoDispatched"], put_back)

    @precondition(lambda self: self.items)
    @rule(data=st.data(), fault=FAULTS, place=CALL_NUMBERS, status=st.sampled_from([ENDS, "blocked"]))
    def complete(self, data: Any, fault: Fault | None, place: int, status: str) -> None:
        item = data.draw(st.sampled_from(list(self.items)))
        reply = self.call_queue(f"queue/{item}/result", {"result": "done", "status": status}, fault, place)
        met = self.items[item]
        assert reply.status == (200 if met in OPEN else 400), (met, status, reply.text)
        if met in OPEN:
            self.items[item] = status
            if met != status:
                self._check_dispatched(reply.json["data"]["autoDispatched"])

    @invariant()
    def list_matches_model(self) -> None:
        page = self.api.get("/api/v2/queue?limit=100", self.desk.alice_key).json["data"]
        assert {each["id"]: each["status"] for each in page["items"]} == self.items
        assert page["pagination"]["total"] == len(self.items)


class Tokens(Walk):
    """Model of Carol's token: claimed, rotated, disabled, revoked. At most two secrets work at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.secrets: list[str] = []
        self.known: list[str] = []
        self.prior_ends = NOON
        self.status: str | None = None
        self.approved = True
        self.token_id = ""

    @rule(fault=FAULTS, place=CALL_NUMBERS)
    def claim(self, fault: Fault | None, place: int) -> None:
        body = {"email": "carol@example.com"}
        reply = self.call("POST", "/api/v1/tokens/claim", body, self.desk.fd1, fault, place)
        if not self.approved or self.status == "disabled":
            assert reply.status in (403, 404, 409), reply.text
            return
        assert reply.status == 200, reply.text
        # After a revocation the token is new, and no earlier secret works.
        before = self.secrets[-1:] if self.status == "active" else []
        self.secrets, self.status = [*before, reply.json["token"]], "active"
        self.token_id = reply.json["tokenId"]
        self.prior_ends = datetime.now(UTC) + timedelta(hours=24)
        self.known = [*self.known, reply.json["token"]][-3:]

    @rule(hours=st.sampled_from([1, 23, 24]))
    def wait(self, hours: int) -> None:
        self.time.shift(timedelta(hours=hours))

    @precondition(lambda self: self.status in ("active", "disabled"))
    @rule()
    def switch(self) -> None:
        off = self.status == "active"
        run_admin("personal-tokens", "disable" if off else "enable", self.token_id)
        self.status = "disabled" if off else "active"

    @rule(fault=FAULTS, place=CALL_NUMBERS)
    def revoke(self, fault: Fault | None, place: int) -> None:
        body = {"email": "carol@example.com", "catalog_slug": "fd1"}
        reply = self.call("DELETE", "/api/v1/catalog/approvals", body, self.desk.fd1, fault, place)
        assert (reply.status, reply.json["revoked"]) == (200, self.approved), reply.text
        if self.approved and self.status:
            self.status = "revoked"
        self.approved = False

    @rule(fault=FAULTS, place=CALL_NUMBERS)
    def approve(self, fault: Fault | None, place: int) -> None:
        body = {"email": "carol@example.com", "catalog_slug": "fd1"}
        assert self.call("POST", "/api/v1/catalog/approvals", body, self.desk.fd1, fault, place).status == 201
        self.approved = True

    @invariant()
    def only_the_current_and_the_previous_secret_work(self) -> None:
        working = set(self.secrets[-1:])
        if datetime.now(UTC) < self.prior_ends:
            working |= set(self.secrets)
        if self.status != "active":
            working = set()
        for secret in self.known:
            found = self.api.get("/api/v1/events/nothing", secret).status
            assert found == (404 if secret in working else 401), (self.status, secret in self.secrets)


class Approvals(Walk):
    """Model of Alice's and Bob's approvals for two items: requested, reviewed, assigned, revoked."""

    SLUGS, NAMES = ("network-vpn-access", "design-suite"), ("alice", "bob")

    def __init__(self) -> None:
        super().__init__()
        self.statuses: dict[tuple[str, str], str] = {}
        self.requests: dict[str, tuple[str, str]] = {}

    def _key(self, name: str) -> str:
        return str(self.desk.demo["api_keys"][name])

    @rule(name=st.sampled_from(NAMES), slug=st.sampled_from(SLUGS), fault=FAULTS, place=CALL_NUMBERS)
    def apply(self, name: str, slug: str, fault: Fault | None, place: int) -> None:
        body = {"catalog_slug": slug}
        reply = self.call("POST", "/api/v1/catalog/requests", body, self._key(name), fault, place)
        if self.statuses.get((name, slug)) in ("pending", "approved"):
            assert reply.status in (201, 409), reply.text
            return
        assert reply.status == 201, reply.text
        self.statuses[name, slug] = reply.json["status"]
        self.requests[reply.json["id"]] = (name, slug)

    @precondition(lambda self: self.requests)
    @rule(data=st.data(), decision=st.sampled_from(["approve", "reject"]), fault=FAULTS, place=CALL_NUMBERS)
    def review(self, data: Any, decision: str, fault: Fault | None, place: int) -> None:
        request = data.draw(st.sampled_from(list(self.requests)))
        body, pair = {"request_id": request, "decision": decision}, self.requests[request]
        reply = self.call("POST", "/api/v1/catalog/approvals/review", body, self.desk.fd1, fault, place)
        if self.statuses[pair] == "pending":
            assert reply.status == 200, reply.text
            self.statuses[pair] = "approved" if decision == "approve" else "rejected"
        else:
            assert reply.status in (200, 404, 409), reply.text

    @rule(name=st.sampled_from(NAMES), slug=st.sampled_from(SLUGS), fault=FAULTS, place=CALL_NUMBERS)
    def assign(self, name: str, slug: str, fault: Fault | None, place: int) -> None:
        body = {"email": f"{name}@example.com", "catalog_slug": slug}
        assert self.call("POST", "/api/v1/catalog/approvals", body, self.desk.fd1, fault, place).status == 201
        self.statuses[name, slug] = "approved"

    @rule(name=st.sampled_from(NAMES), slug=st.sampled_from(SLUGS), fault=FAULTS, place=CALL_NUMBERS)
    def revoke(self, name: str, slug: str, fault: Fault | None, place: int) -> None:
        body = {"email": f"{name}@example.com", "catalog_slug": slug}
        reply = self.call("DELETE", "/api/v1/catalog/approvals", body, self.desk.fd1, fault, place)
        approved = self.statuses.get((name, slug)) == "approved"
        assert (reply.status, reply.json["revoked"]) == (200, approved), reply.text
        if approved:
            self.statuses[name, slug] = "revoked"

    @invariant()
    def list_matches_model(self) -> None:
        found = {
            (each["email"].partition("@")[0], each["catalogSlug"]): each["status"]
            for slug in self.SLUGS
            for each in self.api.get(f"/api/v1/catalog/approvals?catalog_slug={slug}", self.desk.fd1).json["items"]
        }
        assert {pair: found.get(pair) for pair in self.statuses} == self.statuses


@pytest.mark.parametrize("walk", [Queue, Tokens, Approvals])
def test_random_calls_match_the_model(desk: Desk, walk: type[Walk]) -> None:
    with intercept_engine():
        run_state_machine_as_test(walk, settings=WALKS)
