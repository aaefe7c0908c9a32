"""The admin commands, on a desk with the demo organisation."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
import time_machine
from botocore import exceptions as boto
from click.testing import CliRunner, Result

from chalicelib import aws
from chalicelib.ids import TokenKind, mint_token
from chalicelib.people.domain.directory import Person
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import AUDIT, CALLBACKS, FAN_OUT, QUEUES, Queue
from chalicelib.tokens.stores.grants import DynamoGrants
from chalicelib.tokens.stores.tokens import DynamoTokens
from infra.admin import main
from infra.local import engine
from infra.queues import MOST_RECEIVES
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api
from tests.support.concurrency import run_concurrently
from tests.support.sessions import use_code

ROOT = Path(__file__).parents[2]
EVENTS, INBOX, KEYS, INTEGRATORS = "/api/v1/events", "/api/v1/inbox", "/api/v2/keys", "/api/v1/integrators"
ALICE, BOB, DAVE = "alice@example.com", "bob@example.com", "dave@example.com"


def run(*args: str) -> Result:
    return CliRunner().invoke(main, args, prog_name="admin")


def done(*args: str) -> str:
    result = run(*args)
    assert result.exit_code == 0, result.output
    assert not result.stderr
    return result.stdout


def read(*args: str) -> Any:
    return json.loads(done(*args, "--json"))


def refused(*args: str) -> str:
    """Run a command that fails, and return its only line of error output."""
    result = run(*args)
    assert result.exit_code == 1, result.output
    assert not result.stdout
    assert isinstance(result.exception, SystemExit)
    (line,) = result.stderr.splitlines()
    return line


def by(name: str, value: Any, records: list[dict[str, Any]]) -> dict[str, Any]:
    (found,) = [each for each in records if each[name] == value]
    return found


# Help


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        else:
            yield (*path, name)


@pytest.mark.parametrize("path", list(commands(main)), ids=" ".join)
def test_help_of_a_command_has_its_options_and_an_example(path: tuple[str, ...]) -> None:
    command: Any = main
    for name in path:
        command = command.commands[name]
    text = done(*path, "--help")
    assert text.startswith(f"Usage: admin {' '.join(path)}")
    assert len(command.get_short_help_str(1000)) < 75
    example = re.sub(r"\s+", " ", text.rpartition("Example: ")[2]).strip()
    assert " ".join(path) in example
    for parameter in command.params:
        assert isinstance(parameter, click.Argument) or parameter.help, parameter.name


def test_examples_in_help_are_valid_commands() -> None:
    for path in commands(main):
        command: Any = main
        for name in path:
            command = command.commands[name]
        words = re.findall(r"'[^']*'|\S+", command.epilog.partition("Example: ")[2].partition("infra.admin ")[2])
        words = words or re.findall(r"'[^']*'|\S+", command.epilog.removeprefix("Example: "))
        arguments = [word.strip("'") for word in words[len(path) :]]
        # A command may ask for a secret, which must not be in an example.
        with CliRunner().isolation(input="a secret\n"), command.make_context(path[-1], arguments):
            pass


def test_help_and_misuse_of_the_real_command() -> None:
    shell = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FLUXDEN_"))}

    def real(*args: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "infra.admin", *args]
        return subprocess.run(command, cwd=ROOT, env=shell, capture_output=True, text=True, check=False)

    helped = real("--help")
    assert helped.returncode == 0
    assert "python -m infra.admin" in helped.stdout
    for group in main.commands:
        assert re.search(rf"^  {group} +\S", helped.stdout, re.MULTILINE)
    misused = real("keys", "create")
    assert (misused.returncode, misused.stdout) == (2, "")
    assert "Missing option '--owner'" in misused.stderr
    shell |= {"AWS_CONFIG_FILE": "/nowhere", "AWS_SHARED_CREDENTIALS_FILE": "/nowhere"}
    lost = real("employees", "list")
    assert (lost.returncode, lost.stdout) == (1, "")
    assert lost.stderr.startswith("Error: No AWS region is set")
    assert len(lost.stderr.splitlines()) == 1
    shell |= {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    shell |= {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    unreachable = real("employees", "list")
    assert (unreachable.returncode, unreachable.stdout) == (1, "")
    assert unreachable.stderr.startswith("Error: Can't reach the database or queue endpoint")


def test_the_real_command_reaches_an_engine_of_another_process(desk: Desk) -> None:
    shell = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "FLUXDEN_"))}
    shell |= engine.environment()

    def real(*args: str) -> Any:
        command = [sys.executable, "-m", "infra.admin", *args, "--json"]
        return json.loads(
            subprocess.run(command, cwd=ROOT, env=shell, capture_output=True, text=True, check=True).stdout
        )

    dead_letter(FAN_OUT, "far away")
    assert [each["slug"] for each in real("integrators", "list")] == ["fd1", "hr"]
    assert real("dead-letters", "list")["fan-out"]["count"] == 1


# Integrators


def test_an_integrator_is_created_listed_and_archived(api: Api, desk: Desk) -> None:
    made = read("integrators", "create", "ci", "--name", "Build farm", "--homepage-url", "https://ci.example.com")
    assert (made["slug"], made["eventPrefix"], made["archivedAt"]) == ("ci", "ci.", None)
    assert [each["slug"] for each in read("integrators", "list")] == ["ci", "fd1", "hr"]
    assert [each["slug"] for each in api.get(INTEGRATORS, desk.fd1).json["items"]] == ["ci", "fd1", "hr"]

    token = read("tools-tokens", "create", "--integrator", "ci", "--owner", ALICE)["tokenId"]
    assert token in done("integrators", "archive", "ci")
    assert [each["slug"] for each in api.get(INTEGRATORS, desk.fd1).json["items"]] == ["fd1", "hr"]
    assert [each["slug"] for each in read("integrators", "list")] == ["fd1", "hr"]
    assert by("slug", "ci", read("integrators", "list", "--archived"))["archivedAt"]
    assert "archived" in refused("tools-tokens", "create", "--integrator", "ci", "--owner", ALICE)
    assert "already" in refused("integrators", "create", "ci", "--name", "Again")


def test_the_event_types_of_an_integrator_are_relaxed_and_strict_again(api: Api, desk: Desk) -> None:
    short = {"event_type": "fd1.failed", "severity": "info"}
    bulk = {"event": inputs.new_event(**short), "recipients": [{"type": "email", "email": ALICE}]}
    for setting, statuses in (("on", (202, 202)), ("off", (400, 400))):
        changed = read("integrators", "set", "fd1", "--relaxed-event-types", setting)
        assert changed["relaxedEventTypes"] is (setting == "on")
        published = api.post("/api/v1/events", inputs.new_event(**short), desk.alice)
        assert (published.status, api.post("/api/v1/events/bulk", bulk, desk.fd1).status) == statuses
    assert by("slug", "fd1", read("integrators", "list"))["relaxedEventTypes"] is False
    assert refused("integrators", "set", "nothing", "--relaxed-event-types", "on")


@pytest.mark.parametrize(
    "more",
    [
        ["Up", "--name", "x"],
        ["a b", "--name", "x"],
        ["ci", "--name", ""],
        ["ci", "--name", "x", "--prefix", "ci"],
        ["ci", "--name", "x", "--prefix", "fd1."],
        ["ci", "--name", "x", "--prefix", "fd1.deep."],
        ["ci", "--name", "x", "--homepage-url", "http://ci.example.com"],
        ["ci", "--name", "x", "--homepage-url", "https://localhost/"],
        ["ci", "--name", "x", "--description", "x" * 501],
    ],
)
def test_an_integrator_that_breaks_a_rule_is_refused(desk: Desk, more: list[str]) -> None:
    refused("integrators", "create", *more)
    assert len(read("integrators", "list", "--archived")) == 2


def test_archiving_an_unknown_integrator_is_refused(desk: Desk) -> None:
    assert refused("integrators", "archive", "nothing") == "Error: Integrator nothing not found."


# Employees


def test_an_employee_is_created_once_and_listed_by_address(desk: Desk) -> None:
    made = read("employees", "create", "Frank@Example.com", "--name", "Frank Moss", "--org-admin")
    assert (made["email"], made["active"], made["orgAdmin"]) == ("frank@example.com", True, True)
    assert "already" in refused("employees", "create", "frank@example.com", "--name", "Other")
    refused("employees", "create", "no address", "--name", "x")
    listed = read("employees", "list")
    assert [each["email"].partition("@")[0] for each in listed] == ["alice", "bob", "carol", "dave", "erin", "frank"]
    assert not by("email", DAVE, listed)["active"]
    table = done("employees", "list").splitlines()
    assert table[0].split() == ["EMAIL", "USER", "ID", "NAME", "ACTIVE", "ORG", "ADMIN", "OPERATOR"]
    assert len({line.index(each) for line, each in zip(table[1:3], ("Alice", "Bob"), strict=True)}) == 1


def test_operator_rights_apply_to_the_next_request(api: Api, desk: Desk) -> None:
    people = "/api/v2/operate/people"
    assert api.get(people, desk.bob_key).status == 403
    assert done("employees", "operator", BOB, "--on") == "bob@example.com is now an operator.\n"
    assert api.get(people, desk.bob_key).status == 200
    assert done("employees", "operator", BOB, "--off") == "bob@example.com is no longer an operator.\n"
    assert api.get(people, desk.bob_key).status == 403
    assert "no employee" in refused("employees", "operator", "nobody@example.com", "--on")


def test_web_push_keys_are_replaced_only_with_replace(api: Api, desk: Desk) -> None:
    before = api.get("/api/v2/push", desk.alice_key).json["data"]["publicKey"]
    contact = ("--contact", "mailto:desk@example.com")
    assert "already" in refused("web-push", "keys", *contact)
    after = done("web-push", "keys", *contact, "--replace").strip()
    assert after == api.get("/api/v2/push", desk.alice_key).json["data"]["publicKey"] != before


def test_deactivating_an_employee_disables_their_tokens_and_keys(api: Api, desk: Desk) -> None:
    ended = read("employees", "deactivate", ALICE)
    tools = sorted(each["tokenId"] for each in read("tools-tokens", "list"))
    assert (ended["personalTokensDisabled"], ended["keysDisabled"]) == (2, 1)
    assert sorted(ended["toolsTokensLeft"]) == tools
    for token in (desk.alice, desk.moderated):
        assert api.post(EVENTS, inputs.new_event(), token).status == 401
    assert api.get(KEYS, desk.alice_key).status == 403
    assert api.post(EVENTS, inputs.new_event(), desk.bob).status == 202
    assert api.get(INTEGRATORS, desk.fd1).status == 200
    assert not by("email", ALICE, read("employees", "list"))["active"]
    assert read("employees", "deactivate", ALICE)["keysDisabled"] == 0
    assert "not active" in refused("keys", "create", "--owner", ALICE, "--name", "x")

    key = read("keys", "list", "--owner", ALICE)[0]["keyId"]
    token = read("personal-tokens", "list", "--owner", ALICE)[0]["tokenId"]
    assert "not an active employee" in refused("keys", "enable", key)
    assert "not an active employee" in refused("personal-tokens", "enable", token)
    done("employees", "activate", ALICE)
    assert api.get(KEYS, desk.alice_key).status == 403
    done("keys", "enable", key)
    assert api.get(KEYS, desk.alice_key).status == 200


def test_deactivating_prints_how_many_were_disabled_and_ended(api: Api, desk: Desk) -> None:
    code = read("employees", "sign-in-link", BOB)["link"].partition("#sign-in=")[2]
    assert use_code(api, code).status == 201
    disabled = "Deactivated bob@example.com. Disabled {} and {}, and ended {}.\n".format
    assert done("employees", "deactivate", BOB) == disabled("1 personal token", "1 API key", "1 session")
    assert done("employees", "deactivate", BOB) == disabled("0 personal tokens", "0 API keys", "0 sessions")


def test_deactivating_disables_a_key_that_the_index_shows_late(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, looks = DynamoGrants.list_keys, iter([False])

    def late(self: DynamoGrants, user_id: str) -> Any:
        return whole(self, user_id) if next(looks, True) else []

    monkeypatch.setattr(DynamoGrants, "list_keys", late)
    assert read("employees", "deactivate", BOB)["keysDisabled"] == 1


# Projects


def test_a_project_is_created_and_members_are_added_and_removed(api: Api, desk: Desk) -> None:
    made = read("projects", "create", "hermes", "--name", "Hermes", "--admin", ALICE, "--member", DAVE)
    assert (made["admins"], made["members"]) == ([ALICE], [DAVE])
    assert [each["slug"] for each in read("projects", "list")] == ["apollo", "hermes", "zephyr"]
    event = inputs.new_event(project_slug="hermes")
    assert api.post(EVENTS, event, desk.bob).status == 403
    done("projects", "add-member", "hermes", BOB, "--admin")
    assert api.post(EVENTS, event, desk.bob).status == 202
    done("projects", "add-member", "hermes", BOB)
    assert by("slug", "hermes", read("projects", "list"))["members"] == [BOB, DAVE]
    done("projects", "remove-member", "hermes", BOB)
    assert api.post(EVENTS, inputs.new_event(project_slug="hermes"), desk.bob).status == 403

    assert "already" in refused("projects", "create", "hermes", "--name", "Again")
    assert "already" in refused("projects", "create", "hermes", "--name", "Again", "--team", made["teamId"])
    assert "Project nothing not found" in refused("projects", "remove-member", "nothing", BOB)
    assert "is not a member" in refused("projects", "remove-member", "hermes", BOB)
    assert "Project nothing not found" in refused("projects", "add-member", "nothing", BOB)
    assert "no employee" in refused("projects", "add-member", "hermes", "nobody@example.com")


def test_a_project_has_a_team_of_its_own_or_joins_one(desk: Desk) -> None:
    alone = read("projects", "create", "hermes", "--name", "Hermes")
    named = read(
        "projects", "create", "iris", "--name", "Iris", "--team-name", "Couriers", "--team-description", "Fast."
    )
    joined = read("projects", "create", "argus", "--name", "Argus", "--team", named["teamId"], "--member", BOB)
    assert (alone["team"], named["team"], joined["team"]) == ("Hermes", "Couriers", "Couriers")
    assert len({alone["teamId"], named["teamId"], joined["teamId"]}) == 2
    assert by("slug", "apollo", read("projects", "list"))["team"] == "Team Apollo"

    assert "No team has this id" in refused("projects", "create", "styx", "--name", "Styx", "--team", "nothing")
    assert "team" in refused("projects", "create", "styx", "--name", "Styx", "--team", "")
    for option in ("--team-name", "--team-description"):
        assert (
            run("projects", "create", "styx", "--name", "Styx", "--team", named["teamId"], option, "x").exit_code == 2
        )
    assert [each["slug"] for each in read("projects", "list")] == ["apollo", "argus", "hermes", "iris", "zephyr"]


# Tools tokens


def test_a_tools_token_is_created_and_works(api: Api, desk: Desk) -> None:
    plain = read("tools-tokens", "create", "--integrator", "hr", "--owner", BOB)
    admin = read("tools-tokens", "create", "--integrator", "hr", "--owner", BOB, "--admin")
    assert api.get(INTEGRATORS, plain["token"]).status == 403
    assert api.get(INTEGRATORS, admin["token"]).status == 200
    listed = read("tools-tokens", "list", "--integrator", "hr")
    assert len(listed) == 3
    assert by("tokenId", admin["tokenId"], listed)["owner"] == BOB
    assert admin["token"] not in done("tools-tokens", "list")
    assert len(read("tools-tokens", "list")) == 4
    assert "no integrator" in refused("tools-tokens", "create", "--integrator", "no", "--owner", BOB)
    assert "not active" in refused("tools-tokens", "create", "--integrator", "hr", "--owner", DAVE)


def test_the_previous_secret_works_for_24_hours_after_a_rotation(api: Api, desk: Desk) -> None:
    now = datetime(2040, 5, 21, 12, tzinfo=UTC)
    with time_machine.travel(now, tick=False) as clock:
        token_id = by("integrator", "fd1", read("tools-tokens", "list"))["tokenId"]
        second = read("tools-tokens", "rotate", token_id)
        assert second["priorUntil"] == "2040-05-22T12:00:00.000Z"
        assert [api.get(INTEGRATORS, each).status for each in (desk.fd1, second["token"])] == [200, 200]
        assert by("tokenId", token_id, read("tools-tokens", "list"))["priorUntil"] == second["priorUntil"]
        clock.shift(timedelta(hours=24) - timedelta(seconds=1))
        assert api.get(INTEGRATORS, desk.fd1).status == 200
        clock.shift(1)
        assert [api.get(INTEGRATORS, each).status for each in (desk.fd1, second["token"])] == [401, 200]
        assert by("tokenId", token_id, read("tools-tokens", "list"))["priorUntil"] is None


def test_a_further_rotation_ends_the_older_secret(api: Api, desk: Desk) -> None:
    token_id = by("integrator", "fd1", read("tools-tokens", "list"))["tokenId"]
    second, third = (read("tools-tokens", "rotate", token_id)["token"] for _ in range(2))
    assert [api.get(INTEGRATORS, each).status for each in (desk.fd1, second, third)] == [401, 200, 200]
    last = read("tools-tokens", "rotate", token_id, "--at-once")["token"]
    assert [api.get(INTEGRATORS, each).status for each in (second, third, last)] == [401, 401, 200]


def test_concurrent_rotations_leave_two_working_secrets(api: Api, desk: Desk) -> None:
    token_id = by("integrator", "fd1", read("tools-tokens", "list"))["tokenId"]
    minted = [mint_token(TokenKind.TOOLS, token_id) for _ in range(6)]
    run_concurrently(6, lambda number: DynamoTokens().rotate(minted[number], now=datetime.now(UTC)))
    statuses = [api.get(INTEGRATORS, each.text).status for each in minted]
    assert sorted(statuses) == [200, 200, 401, 401, 401, 401]
    assert api.get(INTEGRATORS, desk.fd1).status == 401


def test_a_rotation_repeated_by_the_sdk_happens_once(api: Api, desk: Desk) -> None:
    token_id = by("integrator", "fd1", read("tools-tokens", "list"))["tokenId"]
    minted = mint_token(TokenKind.TOOLS, token_id)
    for _ in range(2):
        DynamoTokens().rotate(minted, now=datetime.now(UTC))
    assert [api.get(INTEGRATORS, each).status for each in (desk.fd1, minted.text)] == [200, 200]


def test_a_tools_token_is_disabled_and_enabled(api: Api, desk: Desk) -> None:
    token_id = by("integrator", "fd1", read("tools-tokens", "list"))["tokenId"]
    for _ in range(2):
        done("tools-tokens", "disable", token_id)
        assert api.get(INTEGRATORS, desk.fd1).status == 401
    assert by("tokenId", token_id, read("tools-tokens", "list"))["status"] == "disabled"
    done("tools-tokens", "enable", token_id)
    assert api.get(INTEGRATORS, desk.fd1).status == 200


@pytest.mark.parametrize("command", ["rotate", "disable", "enable"])
def test_an_unknown_tools_token_is_refused(desk: Desk, command: str) -> None:
    assert refused("tools-tokens", command, inputs.uuid(1)) == "Error: Token not found."
    assert run("tools-tokens", command, "nonsense").exit_code == 2


# Keys and personal tokens


def test_a_key_is_created_listed_disabled_and_deleted(api: Api, desk: Desk) -> None:
    made = read("keys", "create", "--owner", ALICE, "--name", "bot", "--permissions", "inbox, queue")
    assert (made["permissions"], made["expiresAt"]) == (["queue", "inbox"], None)
    assert api.get(INBOX, made["key"]).status == 200
    listed = read("keys", "list", "--owner", ALICE)
    assert (by("keyId", made["keyId"], listed)["status"], len(listed)) == ("active", 2)
    assert len(read("keys", "list")) == 3
    assert "queue,inbox" in done("keys", "list")
    done("keys", "disable", made["keyId"])
    assert api.get(KEYS, made["key"]).status == 403
    done("keys", "enable", made["keyId"])
    assert api.get(INBOX, made["key"]).status == 200
    done("keys", "delete", made["keyId"])
    assert api.get(INBOX, made["key"]).status == 401
    for command in ("disable", "enable", "delete"):
        assert "not found" in refused("keys", command, made["keyId"])


def test_a_key_shows_its_expiry_and_that_it_has_expired(desk: Desk) -> None:
    with time_machine.travel(datetime(2040, 5, 21, 12, tzinfo=UTC), tick=False) as clock:
        made = read("keys", "create", "--owner", BOB, "--name", "x", "--expires-in-days", "2")
        assert made["expiresAt"] == "2040-05-23T12:00:00.000Z"
        clock.shift(timedelta(days=2))
        assert by("keyId", made["keyId"], read("keys", "list"))["status"] == "expired"


@pytest.mark.parametrize("more", [["--permissions", "money"], ["--permissions", ""], ["--expires-in-days", "0"]])
def test_a_key_that_breaks_a_rule_is_refused(desk: Desk, more: list[str]) -> None:
    refused("keys", "create", "--owner", ALICE, "--name", "x", *more)
    assert len(read("keys", "list", "--owner", ALICE)) == 1


def test_a_personal_token_is_disabled_and_enabled_unless_revoked(api: Api, desk: Desk) -> None:
    listed = read("personal-tokens", "list")
    assert sorted(each["owner"] for each in listed) == [ALICE, ALICE, BOB]
    token_id = by("owner", BOB, listed)["tokenId"]
    done("personal-tokens", "disable", token_id)
    assert api.post(EVENTS, inputs.new_event(), desk.bob).status == 401
    done("personal-tokens", "enable", token_id)
    assert api.post(EVENTS, inputs.new_event(), desk.bob).status == 202
    aws.dynamodb().update_item(
        TableName="fluxden-tokens",
        Key={"pk": {"S": f"{TokenKind.PERSONAL.name}#{token_id}"}},
        UpdateExpression="SET #it = :to",
        ExpressionAttributeNames={"#it": "status"},
        ExpressionAttributeValues={":to": {"S": "revoked"}},
    )
    for command in ("disable", "enable"):
        assert "revoked" in refused("personal-tokens", command, token_id)
        assert "Token not found" in refused("personal-tokens", command, inputs.uuid(1))
    assert read("personal-tokens", "list", "--owner", "erin@example.com") == []
    assert "no employee" in refused("personal-tokens", "list", "--owner", "nobody@example.com")


# Dead letters


def url(queue: Queue) -> str:
    return aws.queue_url(queue.physical_name)


def dead_letter(queue: Queue, body: str) -> str:
    attributes: Any = {"kind": {"DataType": "String", "StringValue": "test"}}
    return aws.sqs().send_message(QueueUrl=url(queue.dead_letters), MessageBody=body, MessageAttributes=attributes)[
        "MessageId"
    ]


def waiting(queue: Queue) -> list[dict[str, Any]]:
    got: Any = aws.sqs().receive_message(
        QueueUrl=url(queue), MaxNumberOfMessages=10, VisibilityTimeout=0, MessageAttributeNames=["All"]
    )
    return list(got.get("Messages", []))


def test_endpoints_are_paused_and_resumed(desk: Desk) -> None:
    assert done("callbacks", "endpoints") == "No endpoint fails or is paused.\n"
    paused = done("callbacks", "pause", "fd1", "https://CI.example.com/hooks/1")
    assert paused == "https://ci.example.com of fd1 is paused.\n"
    (listed,) = read("callbacks", "endpoints", "--integrator", "fd1")
    assert (listed["origin"], listed["pausedBy"], listed["waiting"]) == ("https://ci.example.com", "operator", 0)
    assert read("callbacks", "endpoints", "--integrator", "hr") == []
    assert "is active" in done("callbacks", "resume", "fd1", "https://ci.example.com")
    assert "nobody" in refused("callbacks", "pause", "nobody", "https://ci.example.com")
    assert "https://ci.example.com" in refused("callbacks", "pause", "fd1", "ci")


def test_a_replay_is_begun_and_followed(desk: Desk) -> None:
    begun = done("callbacks", "replay", "fd1", "https://ci.example.com", "--hours", "2")
    replay_id = begun.split()[1]
    shown = read("callbacks", "replay-status", replay_id)
    assert (shown["status"], shown["origin"], shown["replayed"]) == ("running", "https://ci.example.com", 0)
    assert "Replay not found" in refused("callbacks", "replay-status", "1b1f0a36-2a5e-4b5f-8f0e-0a5d1c2b3e4f")


def test_listing_dead_letters_keeps_them(desk: Desk) -> None:
    ids = [dead_letter(FAN_OUT, f"body {number}") for number in range(12)]
    other = dead_letter(CALLBACKS, "other")
    for _ in range(2):
        listed = read("dead-letters", "list")
        assert {name: each["count"] for name, each in listed.items()} == dict.fromkeys(
            (each.name for each in QUEUES), 0
        ) | {
            "fan-out": 12,
            "callbacks": 1,
        }
        assert sorted(each["messageId"] for each in listed["fan-out"]["messages"]) == sorted(ids)
    assert len(read("dead-letters", "list", "--queue", "fan-out", "--limit", "3")["fan-out"]["messages"]) == 3
    text = done("dead-letters", "list")
    assert "fan-out: 12 dead letters" in text
    assert "callbacks: 1 dead letter\n" in text
    assert other in text
    assert len(waiting(CALLBACKS.dead_letters)) == 1


def test_a_dead_letter_is_shown_with_its_attributes(desk: Desk) -> None:
    aws.sqs().send_message(QueueUrl=url(FAN_OUT), MessageBody='{"a": 1}')
    for _ in range(MOST_RECEIVES + 1):
        waiting(FAN_OUT)
    (message,) = read("dead-letters", "list")["fan-out"]["messages"]
    shown = read("dead-letters", "show", message["messageId"])
    assert (shown["queue"], shown["body"]) == ("fan-out", '{"a": 1}')
    assert set(message) == {"messageId", "received", "firstReceivedAt", "sentAt", "age"}
    assert "SentTimestamp" in shown["attributes"]
    assert done("dead-letters", "show", message["messageId"]).endswith('\n\n{"a": 1}\n')
    assert "not found" in refused("dead-letters", "show", "nothing")


def test_dead_letters_are_redriven_by_id_or_all(desk: Desk) -> None:
    first, second, _ = (dead_letter(FAN_OUT, f"body {number}") for number in range(3))
    assert "Sent 1 message back" in done("dead-letters", "redrive", "fan-out", second)
    assert [each["Body"] for each in waiting(FAN_OUT)] == ["body 1"]
    assert waiting(FAN_OUT)[0]["MessageAttributes"]["kind"]["StringValue"] == "test"
    assert len(waiting(FAN_OUT.dead_letters)) == 2
    result = run("dead-letters", "redrive", "fan-out", first, "nothing")
    assert (result.exit_code, result.stderr) == (1, "Error: Not found: nothing.\n")
    assert "Sent 1 message back" in done("dead-letters", "redrive", "fan-out", "--all")
    assert len(waiting(FAN_OUT)) == 3
    assert waiting(FAN_OUT.dead_letters) == []
    assert "Sent 0 messages" in done("dead-letters", "redrive", "fan-out", "--all")


@pytest.mark.parametrize("more", [["fan-out"], ["fan-out", "x", "--all"], ["nothing", "--all"]])
def test_a_redrive_requires_message_ids_or_all(desk: Desk, more: list[str]) -> None:
    assert run("dead-letters", "redrive", *more).exit_code == 2


def test_a_dead_letter_that_can_not_be_sent_stays(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    dead_letter(FAN_OUT, "kept")

    def fail(**_: object) -> None:
        raise boto.EndpointConnectionError(endpoint_url="http://x")

    monkeypatch.setattr(aws.sqs(), "send_message", fail)
    assert "Can't reach" in refused("dead-letters", "redrive", "fan-out", "--all")
    assert [each["Body"] for each in waiting(FAN_OUT.dead_letters)] == ["kept"]


# Errors


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (boto.NoCredentialsError(), "No AWS credentials"),
        (boto.NoRegionError(), "No AWS region"),
        (boto.ProfileNotFound(profile="x"), "x"),
        (boto.ReadTimeoutError(endpoint_url="http://x"), "Can't reach"),
        (boto.ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "Query"), "refused: no"),
        (ValueError("Invalid endpoint: x"), "AWS_ENDPOINT_URL"),
    ],
)
def test_an_error_of_the_engine_is_one_line(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, error: Exception, line: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(aws.dynamodb(), "query", fail)
    assert line in refused("employees", "list")


def test_missing_tables_and_queues_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_PREFIX", "missing")
    for args in (["employees", "list"], ["keys", "create", "--owner", ALICE, "--name", "x"], ["dead-letters", "list"]):
        assert "not found" in refused(*args)


def test_an_unexpected_error_has_a_traceback(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyError("oops")

    monkeypatch.setattr(DynamoGrants, "list_tools", fail)
    assert isinstance(run("tools-tokens", "list").exception, KeyError)


@pytest.mark.parametrize(
    "args", [["integrators", "list"], ["employees", "list"], ["projects", "list"], ["keys", "list"], ["agents", "list"]]
)
def test_an_empty_list_prints_a_sentence(tables: None, args: list[str]) -> None:
    assert done(*args).startswith("No ")
    assert read(*args) == []


def test_control_characters_are_not_printed(desk: Desk) -> None:
    # Names stored before they had to be one visible line may have some.
    DynamoDirectory().add_person(Person(inputs.uuid(1), "frank@example.com", "Frank\x1b[31m"))
    assert "Frank" in (listed := done("employees", "list"))
    assert "\x1b" not in listed


def test_no_list_scans_a_table(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def scan(**_: object) -> None:
        raise AssertionError("a scan")

    monkeypatch.setattr(aws.dynamodb(), "scan", scan)
    lists: list[Callable[[], Any]] = [lambda path=path: read(*path) for path in commands(main) if path[-1] == "list"]  # type: ignore[misc]
    assert len(lists) == 19
    for each in lists:
        each()


def test_demo_creates_tables_and_the_organisation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api: Api) -> None:
    monkeypatch.setenv("FLUXDEN_PREFIX", "fresh")
    monkeypatch.setenv("DEMO_FILE", str(tmp_path / "demo.json"))
    for _ in range(2):
        assert str(tmp_path) in done("demo")
        made = json.loads((tmp_path / "demo.json").read_text(encoding="utf-8"))
        assert api.get(INTEGRATORS, made["tools_tokens"]["fd1"]).status == 200


def test_changes_by_commands_are_in_the_audit_log_with_who_claims_to_run_them(desk: Desk) -> None:
    done("employees", "operator", BOB, "--on")
    done("employees", "list")
    done("integrators", "create", "ci", "--name", "CI", "--prefix", "ci.")
    assert run("integrators", "create", "ci", "--name", "CI", "--prefix", "ci.").exit_code == 1
    created, changed = read("audit", "list", "--limit", "2")
    assert (created["kind"], created["subject"]["id"]) == ("integrator.create", "ci")
    assert (changed["kind"], changed["subject"]["personEmail"]) == ("operator.change", BOB)
    assert changed["details"]["operator"]
    for each in (created, changed):
        assert (each["actor"]["kind"], each["actor"]["isClaimed"]) == ("command", True)
        assert "@" in each["actor"]["id"]
    assert "(claimed)" in done("audit", "list", "--kind", "operator.")
    assert done("audit", "list", "--person", "dave@example.com") == "No entries.\n"
    exported = [json.loads(line) for line in done("audit", "export", "--person", BOB).splitlines()]
    assert exported == [changed]
    assert BOB not in str(aws.dynamodb().scan(TableName=AUDIT.physical_name)["Items"])


def test_ingest_tokens_are_made_listed_and_ended(api: Api, desk: Desk) -> None:
    publisher = read("personal-tokens", "list", "--owner", "alice@example.com")[0]["tokenId"]
    made = read("ingest-tokens", "create", publisher, "--adapter", "ntfy", "--name", "cron")
    path = made["address"].removeprefix("http://desk.test")
    assert api.call("POST", path, raw="Backup done").status == 202
    assert read("ingest-tokens", "show", publisher)[0]["useCount"] == 1
    done("ingest-tokens", "end", publisher, made["tokenId"])
    assert api.call("POST", path, raw="Backup done").status == 401
    assert "There is no personal or tools token" in refused("ingest-tokens", "show", made["tokenId"])
    new = ("ingest-tokens", "create", publisher, "--name")
    assert "needs signing_secret" in refused(*new, "x", "--adapter", "github")
    assert "at most 80" in refused(*new, "x" * 81, "--adapter", "ntfy")


def test_ingest_tokens_are_routed(api: Api, desk: Desk, tmp_path: Path) -> None:
    publisher = next(each["tokenId"] for each in read("tools-tokens", "list") if each["integrator"] == "fd1")
    made = read("ingest-tokens", "create", publisher, "--adapter", "ntfy", "--name", "cron")
    file = tmp_path / "rules.json"
    file.write_text('{"rules": [{"when": {"title": "Backup*"}, "to": ["alice@example.com"]}]}')
    command = ("ingest-tokens", "route", publisher, made["tokenId"], str(file))
    assert "has 1 routing rules" in done(*command)
    assert read("ingest-tokens", "show", publisher)[0]["rules"] == 1
    path = made["address"].removeprefix("http://desk.test")
    (row,) = api.call("POST", f"{path}?dry_run=true", raw="Backup done").json["results"]
    assert (row["routing"], row["recipients"][0]["email"]) == ({"rule": 1, "matched": [1]}, "alice@example.com")
    for wrong, reason in (
        ('{"rules": [{"to": ["nobody@example.com"]}]}', "nobody has"),
        ('{"rules": [{"when": {"x": "y"}, "to": ["group:apollo"]}]}', "has no field x"),
        ("{", "JSON"),
    ):
        file.write_text(wrong)
        assert reason in refused(*command)
    personal = read("personal-tokens", "list", "--owner", "alice@example.com")[0]["tokenId"]
    file.write_text('{"rules": []}')
    assert "no routing rules" in refused("ingest-tokens", "route", personal, made["tokenId"], str(file))
