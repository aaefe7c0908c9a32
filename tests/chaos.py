"""Send events through the whole desk while everything fails at times, and check that nothing is lost or repeated.

`python -m tests.chaos 10000`: four processes of four threads each publish, send in bulk, click actions, send relays and
compete for queue items, and retry each call until it succeeds. They also process the queues' messages in any order,
some of them twice. At the given rate of store calls, stores throttle, fail or time out before or after the effect, and
functions end. Finally the stored data is compared with the responses. Exits with 1 if they differ.
"""

import argparse
import json
import logging
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from threading import Event, Thread
from typing import Any

import time_machine

from app import app
from chalicelib import aws
from chalicelib.catalog.domain.approvals import ApprovalStatus, new_request
from chalicelib.catalog.stores.approvals import DynamoApprovals
from chalicelib.core.stores.items import from_item
from chalicelib.people.domain.directory import Person
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import CALLBACKS, DELIVERIES, FAN_OUT, OUTBOX_WORK, RELAYS, TOKENS, Queue
from chalicelib.vault import new_key
from infra import catalog, demo
from infra.local import engine
from infra.local.pump import to_lambda_record
from tests.support import engine_state, inputs, instances, lean_engine, peer, remote_engine
from tests.support.api import SERVED, gateway_event
from tests.support.embedded_engine import deduplicate_transactions
from tests.support.faults import PASSING, Fault, Killed, inject_faults, intercept_engine
from tests.support.pump import Pumps, count_messages
from tests.support.receiver import Receiver

PROCESSES, THREADS = 4, 4
PEOPLE, RECIPIENTS, ITEMS = 100, 80, 6
# Of every thousand events: published singly, published with a click, and relays. The rest is sent in bulk.
PUBLISHED, CLICKED, RELAYED = 90, 10, 5
REPLAYED = 0.1
QUEUES = (FAN_OUT, CALLBACKS, OUTBOX_WORK)
SETTINGS = {f"FLUXDEN_{each}_BUDGET": "1000000000" for each in ("PERSONAL", "TOOLS", "KEY", "PLATFORM")}
SETTINGS |= {"FLUXDEN_DEMO_DAILY_LIMIT": "1000000000", "ALLOW_LOOPBACK": "1", "FLUXDEN_BASE_URL": "http://desk.test"}


@dataclass
class Promises:
    """What responses have promised, and what was wrong with them."""

    sends: Counter[str] = field(default_factory=Counter)
    clicks: set[str] = field(default_factory=set)
    relays: set[str] = field(default_factory=set)
    winners: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Promises") -> None:
        for each in ("sends", "winners", "faults"):
            getattr(self, each).update(getattr(other, each))
        self.clicks |= other.clicks
        self.relays |= other.relays
        self.wrong += other.wrong


@dataclass(frozen=True)
class Plan:
    """The parameters of every process."""

    events: int
    seed: str
    rate: float
    address: str
    made: dict[str, Any]
    hook: str
    people: list[str]
    items: list[str]
    connection: str


class Caller:
    """One thread's calls, each retried until it succeeds, and their promises."""

    def __init__(self, plan: Plan, name: str) -> None:
        self.plan, self.random, self.promises = plan, random.Random(f"{plan.seed} {name}"), Promises()
        self.name, self.calls = name, 0

    def fault(self, _number: int, _action: str) -> Fault | None:
        if self.random.random() >= self.plan.rate:
            return None
        fault = self.random.choice((*PASSING, *PASSING, Fault.KILLED, Fault.KILLED_BEFORE))
        self.promises.faults[fault.name] += 1
        return fault

    def under_faults(self, call: Callable[[], Any]) -> Any:
        """Return the result of the call; None if its function was ended."""
        with inject_faults(
            self.fault, deduplicate_transactions(partial(remote_engine.send_request, self.plan.address))
        ):
            try:
                return call()
            except Killed:
                return None

    def call(self, method: str, path: str, body: Any, token: str, *, keyed: bool = True) -> Any:
        """Call until the response is not a server error. Sometimes repeat the call with the same key."""
        self.calls += 1
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        headers |= {"Idempotency-Key": f"{self.name}-{self.calls}"} if keyed else {}
        event = gateway_event(method, path, headers, json.dumps(body))
        route = SERVED[method, event["requestContext"]["resourcePath"]]
        reply: Any = None
        answered = False
        while not answered:
            reply = self.under_faults(lambda: route(event, None))
            in_progress = reply is not None and "in-progress" in reply["body"]
            answered = reply is not None and reply["statusCode"] < 500 and not in_progress
        if keyed and reply["statusCode"] < 300 and self.random.random() < REPLAYED:
            again = self.under_faults(lambda: route(event, None))
            if again is not None and again["statusCode"] < 500 and again["body"] != reply["body"]:
                self.promises.wrong.append(f"replayed differently: {reply['body'][:200]} / {again['body'][:200]}")
        return reply

    def send(self, method: str, path: str, body: Any, token: str, **more: Any) -> Any:
        reply = self.call(method, path, body, token, **more)
        if reply["statusCode"] >= 300:
            self.promises.wrong.append(f"{path} was refused: {reply['statusCode']} {reply['body'][:300]}")
            return None
        return json.loads(reply["body"])

    def run(self) -> None:
        """Run this thread's share of the calls."""
        share = self.plan.events // (PROCESSES * THREADS)
        clicked, relayed = share * CLICKED // 1000, share * RELAYED // 1000
        jobs: list[Callable[[], object]] = [self.publish] * (share * PUBLISHED // 1000 - clicked)
        jobs += [self.click] * max(1, clicked) + [self.relay] * max(1, relayed)
        jobs += [partial(self.race, item) for item in self.plan.items]
        rest = share - sum(1 for each in jobs if not isinstance(each, partial))
        jobs += [self.send_bulk] * -(-rest // RECIPIENTS)
        self.random.shuffle(jobs)
        for job in jobs:
            job()

    def event(self, **more: Any) -> Any:
        # Few event ids, so that many events are sent several times and at the same time.
        return inputs.new_event(event_id=f"e-{self.random.randrange(max(4, self.plan.events // 60))}", **more)

    def publish(self, **more: Any) -> Any:
        name = self.random.choice(("alice", "bob"))
        reply = self.send("POST", "/api/v1/events", self.event(**more), self.plan.made["personal_tokens"][name])
        if reply:
            self.promises.sends[reply["deliveryId"]] += 1
        return reply

    def click(self) -> None:
        hook = {"label": "Go", "action_type": "webhook", "webhook_url": self.plan.hook}
        event = inputs.new_event(event_id=f"click-{self.name}-{self.calls}".replace(".", "_"), actions=[hook])
        reply = self.send("POST", "/api/v1/events", event, self.plan.made["personal_tokens"]["alice"])
        if reply:
            self.promises.sends[reply["deliveryId"]] += 1
            path, key = f"/api/v1/inbox/{reply['deliveryId']}/actions/0", self.plan.made["api_keys"]["alice"]
            if clicked := self.send("POST", path, None, key, keyed=False):
                self.promises.clicks.add(clicked["actionId"])

    def relay(self) -> None:
        body = {"connectionId": self.plan.connection, "subject": f"{self.name} {self.calls}"}
        if reply := self.send("POST", "/api/v2/relays", body, self.plan.made["api_keys"]["alice"]):
            self.promises.relays.add(reply["data"]["id"])

    def race(self, item: str) -> None:
        path, key = f"/api/v2/queue/{item}/result", self.plan.made["api_keys"]["bob"]
        if self.call("POST", path, {"result": self.name}, key)["statusCode"] == 200:
            self.promises.winners[item] += 1

    def send_bulk(self) -> None:
        people = self.random.sample(self.plan.people, RECIPIENTS)
        body = {"event": self.event(), "recipients": [{"type": "email", "email": each} for each in people]}
        reply = self.send("POST", "/api/v1/events/bulk", body, self.plan.made["tools_tokens"]["fd1"])
        for row in reply["results"] if reply else ():
            if "error" in row:
                self.promises.wrong.append(f"a recipient was refused: {row}")
            else:
                self.promises.sends[row["deliveryId"]] += 1


class Worker(Caller):
    """Processes queues as Lambda does in the worst case: in any order, and some messages twice."""

    def drain(self, ended: Event) -> None:
        consumers = {each.queue: each for each in catalog.consumers(app) if each.queue in QUEUES}
        while not ended.is_set():
            counts = [self.process_batch(queue, consumers[queue]) for queue in QUEUES]
            if not any(counts):
                ended.wait(0.05)

    def process_batch(self, queue: Queue, consumer: Any) -> int:
        url = aws.queue_url(queue.physical_name)
        found = aws.sqs().receive_message(
            QueueUrl=url, MaxNumberOfMessages=consumer.batch_size, MessageSystemAttributeNames=["All"]
        )
        messages = list(found.get("Messages", []))
        if not messages:
            return 0
        self.random.shuffle(messages)
        event = {"Records": [to_lambda_record(queue, each) for each in messages]}
        for _ in range(2 if self.random.random() < REPLAYED else 1):
            answer = self.under_faults(lambda: consumer(event, None))
        failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]} if answer else None
        for each in messages:
            if failed is None or each["MessageId"] in failed:
                aws.sqs().change_message_visibility(
                    QueueUrl=url, ReceiptHandle=each["ReceiptHandle"], VisibilityTimeout=1
                )
            else:
                aws.sqs().delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        return len(messages)


def process(number: int, plan: Plan, pipe: Any) -> None:
    """Run the callers and a worker of one process, until the parent ends it."""
    logging.disable(logging.CRITICAL)
    engine.embed()
    lean_engine.install_if_wanted()
    with intercept_engine(partial(remote_engine.send_request, plan.address)):
        callers = [Caller(plan, f"{number}.{each}") for each in range(THREADS)]
        worker, ended = Worker(plan, f"{number}.worker"), Event()
        threads = [Thread(target=_guarded, args=(each.run, each)) for each in callers]
        draining = Thread(target=_guarded, args=(partial(worker.drain, ended), worker))
        for thread in (*threads, draining):
            thread.start()
        for thread in threads:
            thread.join()
        pipe.send("done")
        pipe.recv()
        ended.set()
        draining.join()
        promises = Promises()
        for each in (*callers, worker):
            promises.add(each.promises)
        pipe.send(promises)


def _guarded(work: Callable[[], object], caller: Caller) -> None:
    try:
        work()
    except BaseException as error:
        caller.promises.wrong.append(f"{caller.name} ended: {error!r}")


def main() -> int:
    """Run the test, and print its result."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=str(__doc__).partition("\n")[0])
    parser.add_argument("events", type=int, nargs="?", default=10_000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--rate", type=float, default=0.03, help="rate of store calls that fail")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, Receiver() as receiver:
        os.environ.update(SETTINGS, FLUXDEN_SECRET_KEY=new_key(), DEMO_FILE=str(Path(folder) / "demo.json"))
        plan = prepare(options, folder, receiver)
        with remote_engine.serve_engine(plan.address):
            promises = run_processes(plan)
        drained = drain_queues()
        wrong = [*promises.wrong, *drained, *find_differences(promises, receiver)]
    print(
        f"{sum(promises.sends.values())} events, {len(promises.sends)} deliveries, {len(promises.clicks)} clicks, "
        f"{len(promises.relays)} relays, {len(promises.winners)} races; "
        f"{PROCESSES} processes of {THREADS} threads, seed {options.seed}, {time.monotonic() - started:.0f} s"
    )
    print("faults: " + ", ".join(f"{name} {count}" for name, count in sorted(promises.faults.items())))
    for each in wrong[:20]:
        print(f"WRONG: {each}")
    print(f"{len(wrong)} wrong" if wrong else "nothing lost, nothing repeated, every queue empty")
    return 1 if wrong else 0


def prepare(options: Any, folder: str, receiver: Receiver) -> Plan:
    """Create the organisation with approved people, a connection to the receiver, and queue items to compete for."""
    engine.embed()
    lean_engine.install_if_wanted()
    made, now = engine_state.restore_demo_organisation(), datetime.now(UTC)
    people = [f"person-{number}@example.com" for number in range(PEOPLE)]
    for number, email in enumerate(people):
        person = Person(inputs.uuid(number), email, f"Person {number}")
        DynamoDirectory().add_person(person)
        approved = new_request("fd1", person.user_id, email, over=None, now=now).with_decision(
            ApprovalStatus.APPROVED, by_email="alice@example.com", now=now
        )
        DynamoApprovals().save(approved, over=None, claim=None, reply={})
    aws.dynamodb().update_item(
        TableName=TOKENS.physical_name,
        Key={"pk": {"S": f"TOOLS#{demo.identifier('tools', 'fd1')}"}},
        UpdateExpression="SET dailyLimit = :most",
        ExpressionAttributeValues={":most": {"N": "1000000000"}},
    )
    peer.allow_federation()
    receiver.status, receiver.body = 200, b'{"success": true}'
    url = f"http://127.0.0.1:{receiver.port}"
    instances.run_admin("webhook-secret", "show", "fd1")
    connected = _call_once("POST", peer.CONNECTIONS, peer.connection_request(fromInstanceUrl=url), "")
    _call_once("PATCH", "/api/v2/settings", {"queueAutoApprove": True}, made["api_keys"]["bob"])
    items = [
        _call_once("POST", "/api/v2/queue", {"title": "Race"}, made["api_keys"]["bob"])["data"]["id"]
        for _ in range(ITEMS)
    ]
    return Plan(
        options.events,
        options.seed,
        options.rate,
        str(Path(folder) / "engine"),
        made,
        receiver.url,
        people,
        items,
        connected["connectionId"],
    )


def _call_once(method: str, path: str, body: Any, token: str) -> Any:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    event = gateway_event(method, path, headers, json.dumps(body))
    reply = SERVED[method, event["requestContext"]["resourcePath"]](event, None)
    assert reply["statusCode"] < 300, reply
    return json.loads(reply["body"])


def run_processes(plan: Plan) -> Promises:
    """Run the processes, and return all their promises."""
    context, promises = get_context("spawn"), Promises()
    pipes = [context.Pipe() for _ in range(PROCESSES)]
    children = [
        context.Process(target=process, args=(number, plan, pipe[1]), daemon=True) for number, pipe in enumerate(pipes)
    ]
    for child, (_, theirs) in zip(children, pipes, strict=True):
        child.start()
        # Closed here, so that `recv` fails if the child has ended.
        theirs.close()
    for parent, _ in pipes:
        parent.recv()
    deadline = time.monotonic() + 60 + plan.events / 200
    while any(count_messages(queue) for queue in QUEUES) and time.monotonic() < deadline:
        time.sleep(0.2)
    for parent, _ in pipes:
        parent.send("stop")
        promises.add(parent.recv())
    for child in children:
        child.join()
    return promises


def drain_queues() -> list[str]:
    """Let time pass without faults, redrive dead letters, and return what is left in the queues."""
    pumps = Pumps()
    for minutes in range(2, 40, 2):
        with time_machine.travel(datetime.now(UTC) + timedelta(minutes=minutes)):
            for queue in QUEUES:
                if count_messages(queue.dead_letters):
                    instances.run_admin("dead-letters", "redrive", queue.name, "--all")
            pumps.run("announce_due_callbacks")
            pumps.run("announce_due_outboxes")
            if not sum(pumps.drain(queue) for queue in QUEUES) and minutes > 6:
                break
    left = {name.name: count_messages(name) for queue in QUEUES for name in (queue, queue.dead_letters)}
    return [f"{count} messages are left in {name}" for name, count in left.items() if count]


def find_differences(promises: Promises, receiver: Receiver) -> list[str]:
    """Return the differences between the stored data and the promises."""
    wrong: list[str] = []
    rows = {row["pk"]: row for row in _rows(DELIVERIES.physical_name) if row.get("sk") == "DELIVERY"}
    wrong += [f"delivery {each} is missing" for each in promises.sends.keys() - rows.keys()]
    wrong += [f"delivery {each} was never sent" for each in rows.keys() - promises.sends.keys()]
    for each, count in promises.sends.items():
        if each in rows and int(rows[each]["fireCount"]) != count:
            wrong.append(f"delivery {each} was sent {count} times and counted {rows[each]['fireCount']}")
    clicks = {row["actionId"]: row for row in _rows(DELIVERIES.physical_name) if row.get("sk", "").startswith("ACTION")}
    wrong += [f"click {each} is missing" for each in promises.clicks ^ clicks.keys()]
    wrong += [f"click {each} is {row['outcome']}" for each, row in clicks.items() if row["outcome"] != "delivered"]
    relays = {row["id"]: row for row in _rows(RELAYS.physical_name) if row.get("dispatch")}
    wrong += [f"relay {each} is missing" for each in promises.relays ^ relays.keys()]
    wrong += [f"relay {each} is {row['dispatch']}" for each, row in relays.items() if row["dispatch"] != "sent"]
    arrived = Counter(each.headers.get("webhook-id") or json.loads(each.body)["relayId"] for each in receiver.received)
    wrong += [f"{each} never arrived" for each in (promises.clicks | promises.relays) - arrived.keys()]
    wrong += [f"{each} arrived but was never sent" for each in arrived.keys() - (promises.clicks | promises.relays)]
    # A worker that ends between the response and its own record may send something twice.
    repeats = sum(arrived.values()) - len(arrived)
    failures = sum(promises.faults.values())
    wrong += [f"{repeats} were sent twice, with only {failures} faults"] if repeats > failures else []
    return wrong + [f"item {each} has {count} winners" for each, count in promises.winners.items() if count != 1]


def _rows(table: str) -> list[dict[str, Any]]:
    pages = aws.dynamodb().get_paginator("scan").paginate(TableName=table)
    return [from_item(dict(item)) for page in pages for item in page["Items"]]


if __name__ == "__main__":
    sys.exit(main())
