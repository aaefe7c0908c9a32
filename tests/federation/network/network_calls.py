"""Calls of the network tests, as an instance, a hub and an operator."""

import json
from datetime import UTC, datetime
from typing import Any

from click.testing import CliRunner

from app import app
from infra import catalog
from infra.admin import main
from tests.support.api import Answer, Api
from tests.support.instances import (
    AGENTS,
    Member,
    run_admin,
)
from tests.support.receiver import Receiver

WELL_KNOWN, CARD, FETCH = "/.well-known/fluxden", "/.well-known/agent-card.json", "fetch_peer_keys"


PAYMENT, GROUPS, DISCOVER = "/api/v2/federation/validate-payment", "/api/v2/prompt-groups", "/api/v2/network/discover"


def put_agent(
    api: Api, made: Member, remote_id: str, token: str | None = None, key: str | None = None, **told: Any
) -> Answer:
    return api.call(
        "PUT", f"{AGENTS}/{remote_id}", {"name": f"Agent {remote_id[:9]}"} | told, token=token or made.token, key=key
    )


def get_agent(api: Api, made: Member, remote_id: str) -> Any:
    return api.get(f"{AGENTS}/{remote_id}", made.token).json["agent"]


def agent_ids(api: Api, made: Member) -> list[str]:
    return [each["remoteAgentId"] for each in api.get(AGENTS, made.token).json["agents"]]


NOON = datetime(2026, 5, 21, 12, 10, tzinfo=UTC)


SILENT, BEAT = "mark_silent_instances", "send_hub_heartbeats"


def send_heartbeats() -> None:
    """Run the schedule, where another desk in this process is asked meanwhile and calls can't be told apart."""
    next(each for each in catalog.schedules(app) if each.__name__ == BEAT)({}, None)


def own_membership() -> dict[str, Any]:
    (found,) = json.loads(run_admin("hub", "show", "--json"))
    return dict(found)


def refused_command(*command: str) -> str:
    result = CliRunner().invoke(main, command, prog_name="admin")
    assert result.exit_code == 1, result.output
    return result.stderr


def hub_answers(receiver: Receiver, status: int, body: Any = None, **headers: str) -> None:
    receiver.before = lambda: None
    receiver.status, receiver.body, receiver.headers = status, json.dumps(body).encode(), headers
