"""Register other instances with the desk under test."""

import itertools
from dataclasses import dataclass
from typing import Any

from chalice.local import LambdaContext
from click.testing import CliRunner

from infra.admin import main
from tests.support.api import SERVED, Answer, Api, gateway_event
from tests.support.receiver import Receiver

REGISTER, HEARTBEAT = "/api/v2/federation/register", "/api/v2/federation/heartbeat"
LINK, AGENTS = "/api/v2/federation/marketplace-link", "/api/v2/federation/agents"

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Member:
    """A registered instance with its credentials."""

    instance_id: str
    token: str
    key: str
    base_url: str


def new_registration(**overrides: Any) -> dict[str, Any]:
    """Return the registration of a new instance."""
    number = next(_numbers)
    return {
        "name": f"Desk {number}",
        "baseUrl": f"https://desk-{number}.example",
        "apiKey": f"key-of-desk-{number}",
    } | overrides


def register_instance(api: Api, *, address: str = "127.0.0.1", **overrides: Any) -> Member:
    body = new_registration(**overrides)
    reply = api.post(REGISTER, body, address=address)
    assert reply.status == 201, reply.text
    return Member(reply.json["instanceId"], reply.json["platformToken"], body["apiKey"], body["baseUrl"])


def run_admin(*command: str, fails: bool = False) -> str:
    """Run an admin command, and return its output, or with `fails` its error."""
    result = CliRunner().invoke(main, command, prog_name="admin")
    assert (result.exit_code != 0) == fails, result.output
    return result.stderr if fails else result.stdout


def add_member(api: Api, *, marketplace: bool = True, **overrides: Any) -> Member:
    """Register and approve a new instance that takes part in the marketplace."""
    made = register_instance(api, **overrides)
    run_admin("instances", "approve", made.instance_id, "--without-challenge")
    if marketplace:
        assert link_marketplace(api, made, "enable").status == 200
    return made


def link_marketplace(api: Api, made: Member, action: str, **more: Any) -> Answer:
    return api.post(LINK, {"action": action}, made.token, **more)


def sync_agents(api: Api, made: Member, *agents: Any, **more: Any) -> Answer:
    return api.post(AGENTS, {"agents": list(agents)}, made.token, **more)


def offer_agent(api: Api, made: Member, remote_id: str = "a", **details: Any) -> str:
    """Add an approved agent of the instance, and return its marketplace id."""
    (row,) = sync_agents(api, made, {"id": remote_id, "name": f"Agent {remote_id}"} | details).json["results"]
    assert row["status"] == "created", row
    run_admin("agents", "approve", row["marketplaceId"])
    return str(row["marketplaceId"])


def serve_this_desk(receiver: Receiver) -> str:
    """Let the receiver answer as this desk, so that it is a hub and its own member. Returns the base URL."""

    def answer() -> None:
        got = receiver.received[-1]
        event = gateway_event(got.method, got.path, got.headers, got.body or None)
        route = SERVED[got.method, event["requestContext"]["resourcePath"]]
        reply = route(event, LambdaContext(route.__name__, 256))
        receiver.status, receiver.body = reply["statusCode"], reply["body"].encode()

    receiver.before = answer
    return f"http://127.0.0.1:{receiver.port}"
