"""What a person may mention in a message: whom they work with, and what the organisation has installed."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner

from chalicelib.agents.domain.agents import Agent, AgentStatus, CommandIn
from chalicelib.agents.stores.agents import DynamoAgents
from chalicelib.core.domain.errors import NotFound
from chalicelib.ids import TokenKind, mint_token
from chalicelib.people.domain.directory import MOST_FIRST_MEMBERS, Person, Project, Team
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.people.stores.teams import DynamoTeams
from chalicelib.tokens.domain.tokens import KeyGrant
from chalicelib.tokens.stores.tokens import DynamoTokens
from infra.admin import main
from infra.demo import identifier
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api
from tests.support.concurrency import run_concurrently

MENTIONS, ALIAS = "/api/chat/mentions", "/api/v2/api/chat/mentions"
ITEM = {"id", "name", "avatar", "subtitle", "type"}


def list_mentions(api: Api, token: str, **query: str) -> list[dict[str, Any]]:
    reply = api.get(f"{MENTIONS}?{'&'.join(f'{name}={value}' for name, value in query.items())}", token)
    assert reply.status == 200, reply.text
    assert isinstance(reply.json, list)
    return reply.json


def names(api: Api, token: str, **query: str) -> list[str]:
    """Who is found of this desk: the others have tests of their own."""
    return [each["name"] for each in list_mentions(api, token, **query) if "federated" not in each]


def employ(name: str, *, active: bool = True) -> Person:
    person = Person(str(uuid4()), f"{name.lower().replace(' ', '.')}@example.com", name, active)
    DynamoDirectory().add_person(person)
    return person


def admin(*args: str) -> str:
    result = CliRunner().invoke(main, args)
    assert result.exit_code == 0, result.output
    return result.output


def api_key(name: str, desk: Desk) -> str:
    token = mint_token(TokenKind.KEY)
    grant = KeyGrant(str(uuid4()), desk.user_id(name), name, token.visible_prefix, frozenset({"queue"}))
    DynamoTokens().add_key(grant, token, now=datetime.now(UTC))
    return token.text


# People


def test_people_are_oneself_and_those_one_works_with(api: Api, desk: Desk) -> None:
    assert names(api, desk.alice_key) == ["Alice", "Bob"]
    assert names(api, desk.bob_key, type="people") == ["Alice", "Bob", "Carol"]


def test_a_person_has_the_members_of_every_item_and_a_handle(api: Api, desk: Desk) -> None:
    assert list_mentions(api, desk.alice_key, q="bob") == [
        {
            "id": desk.user_id("bob"),
            "type": "person",
            "name": "Bob",
            "username": "bob",
            "avatar": None,
            "subtitle": "bob@example.com",
            "diviName": None,
        }
    ]


def test_sharing_a_team_is_enough_without_a_common_project(api: Api, desk: Desk) -> None:
    team = desk.demo["team_id"]
    admin("projects", "create", "side", "--name", "Side", "--team", team, "--member", "erin@example.com")
    assert names(api, desk.alice_key) == ["Alice", "Bob", "Erin"]
    admin("projects", "remove-member", "side", "erin@example.com")
    assert names(api, desk.alice_key) == ["Alice", "Bob"]


def test_who_leaves_one_of_two_common_projects_is_still_a_colleague(api: Api, desk: Desk) -> None:
    team = desk.demo["team_id"]
    admin("projects", "create", "side", "--name", "Side", "--team", team, "--member", "bob@example.com")
    assert list_mentions(api, desk.alice_key, type="teams")[0]["memberCount"] == 2
    admin("projects", "remove-member", "apollo", "bob@example.com")
    assert names(api, desk.alice_key) == ["Alice", "Bob"]
    admin("projects", "remove-member", "side", "bob@example.com")
    assert names(api, desk.alice_key) == ["Alice"]


def test_the_deactivated_can_not_be_mentioned(api: Api, desk: Desk) -> None:
    admin("projects", "add-member", "apollo", "dave@example.com")
    assert names(api, desk.alice_key) == ["Alice", "Bob"]
    admin("employees", "activate", "dave@example.com")
    assert names(api, desk.alice_key) == ["Alice", "Bob", "Dave"]


def test_who_is_in_no_project_finds_themselves(api: Api, desk: Desk) -> None:
    key = api_key("erin", desk)
    assert names(api, key) == ["Erin"]
    assert names(api, key, type="teams") == []


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("", ["Alice", "Bob", "Carol"]),
        ("%20%20", ["Alice", "Bob", "Carol"]),
        ("LIC", ["Alice"]),
        ("%20bob%20", ["Bob"]),
        ("carol@", ["Carol"]),
        ("example.com", ["Alice", "Bob", "Carol"]),
        ("zephyr", []),
        ("dave", []),
        ("erin", []),
        (".*", []),
    ],
)
def test_people_are_found_by_any_part_of_name_or_address(api: Api, desk: Desk, q: str, expected: list[str]) -> None:
    assert names(api, desk.bob_key, type="people", q=q) == expected


def test_ten_people_are_given_by_name(api: Api, desk: Desk) -> None:
    for number in range(12):
        person = employ(f"{'ab'[number % 2]}nna {number:02d}")
        DynamoDirectory().add_member("apollo", person.user_id, admin=False)
    given = names(api, desk.alice_key)
    assert len(given) == 10
    assert given[:7] == ["Alice", *(f"anna {number:02d}" for number in range(0, 12, 2))]
    assert given[7] == "bnna 01"
    assert names(api, desk.alice_key, q="bnna 11") == ["bnna 11"]


# Teams


def test_a_team_tells_its_members_number(api: Api, desk: Desk) -> None:
    assert list_mentions(api, desk.alice_key, type="teams") == [
        {
            "id": desk.demo["team_id"],
            "type": "team",
            "name": "Team Apollo",
            "avatar": None,
            "subtitle": "2 members · work",
            "description": "Brings the next release out of the door.",
            "memberCount": 2,
        }
    ]
    assert names(api, desk.bob_key, type="teams") == ["Team Apollo", "Team Zephyr"]
    assert names(api, desk.bob_key, type="teams", q="MACHINES") == ["Team Zephyr"]
    assert names(api, desk.alice_key, type="teams", q="zephyr") == []


def test_a_team_of_one_without_a_description(api: Api, desk: Desk) -> None:
    admin("projects", "create", "solo", "--name", "Solo", "--admin", "alice@example.com")
    (team,) = list_mentions(api, desk.alice_key, type="teams", q="solo")
    assert (team["subtitle"], team["description"], team["memberCount"]) == ("1 member · work", None, 1)


def test_a_long_description_is_cut_to_eighty_characters(api: Api, desk: Desk) -> None:
    described = ("--team-description", "x" * 81)
    admin("projects", "create", "long", "--name", "Long", "--admin", "alice@example.com", *described)
    (team,) = list_mentions(api, desk.alice_key, type="teams", q="long")
    assert team["description"] == "x" * 79 + "…"


# Agents and commands


def test_an_agent_tells_its_commands(api: Api, desk: Desk) -> None:
    assert names(api, desk.alice_key, type="agents") == ["Scout", "Scribe"]
    assert list_mentions(api, desk.alice_key, type="agents", q="SCOUT") == [
        {
            "id": identifier("agent", "scout"),
            "type": "agent",
            "name": "Scout",
            "username": "scout",
            "avatar": None,
            "subtitle": "@scout · research",
            "description": "Finds out what is known about a company.",
            "commands": [{"name": "company", "description": "Looks a company up.", "usage": "!scout.company <name>"}],
        }
    ]
    assert names(api, desk.alice_key, type="agents", q="company") == []


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("", ["!scout.company", "!scribe.minutes", "!scribe.summary"]),
        ("scribe.", ["!scribe.minutes", "!scribe.summary"]),
        ("Minutes", ["!scribe.minutes"]),
        ("be.su", ["!scribe.summary"]),
        ("five lines", ["!scribe.summary"]),
        ("Scribes", []),
    ],
)
def test_commands_are_found_by_what_is_typed_or_what_they_do(api: Api, desk: Desk, q: str, expected: list[str]) -> None:
    assert [each["fullCommand"] for each in list_mentions(api, desk.alice_key, type="commands", q=q)] == expected


def test_a_command_tells_whose_it_is(api: Api, desk: Desk) -> None:
    assert list_mentions(api, desk.alice_key, type="commands", q="company") == [
        {
            "id": f"{identifier('agent', 'scout')}:company",
            "type": "command",
            "name": "company",
            "fullCommand": "!scout.company",
            "avatar": None,
            "subtitle": "!scout.company · Scout",
            "source": "Scout",
            "sourceSlug": "scout",
            "sourceType": "agent",
            "description": "Looks a company up.",
            "usage": "!scout.company <name>",
        }
    ]


def test_a_disabled_agent_and_its_commands_are_not_found_and_lists_have_an_end(api: Api, desk: Desk) -> None:
    commands = [CommandIn(name=f"do-{number:02d}", description="Does it.", usage="-") for number in range(20)]
    for number in range(12):
        slug = f"aide-{number:02d}"
        status = AgentStatus.DISABLED if number == 0 else AgentStatus.ACTIVE
        DynamoAgents().add_agent(Agent(str(uuid4()), slug, slug.title(), "Aids.", "general", commands, status))
    assert names(api, desk.alice_key, type="agents") == [f"Aide-{number:02d}" for number in range(1, 11)]
    typed = [each["fullCommand"] for each in list_mentions(api, desk.alice_key, type="commands")]
    assert typed == [f"!aide-01.do-{number:02d}" for number in range(15)]
    assert names(api, desk.alice_key, type="agents", q="aide-00") == []


def test_an_agent_is_installed_listed_and_removed(api: Api, desk: Desk) -> None:
    told = ("--command", "draft", "Drafts a reply.", "!clerk.draft")
    admin("agents", "add", "clerk", "--name", "Clerk", "--description", "Answers letters.", *told)
    assert names(api, desk.alice_key, type="agents") == ["Clerk", "Scout", "Scribe"]
    assert names(api, desk.alice_key, type="commands", q="clerk") == ["draft"]
    assert "clerk" in admin("agents", "list")
    again = CliRunner().invoke(main, ["agents", "add", "clerk", "--name", "C", "--description", "D"])
    assert (again.exit_code, "already" in again.output) == (1, True)
    admin("agents", "remove", "clerk")
    assert names(api, desk.alice_key, type="agents") == ["Scout", "Scribe"]
    gone = CliRunner().invoke(main, ["agents", "remove", "clerk"])
    assert (gone.exit_code, "no agent" in gone.output) == (1, True)


@pytest.mark.parametrize(
    "args",
    [
        ["Clerk", "--name", "C", "--description", "D"],
        ["clerk", "--name", "", "--description", "D"],
        ["clerk", "--name", "C", "--description", ""],
        ["clerk", "--name", "C", "--description", "D", "--category", "Two Words"],
        ["clerk", "--name", "C", "--description", "D", "--command", "Draft It", "d", "u"],
        ["clerk", "--name", "C", "--description", "D", *["--command", "draft", "d", "u"] * 2],
    ],
)
def test_an_agent_that_can_not_be_typed_is_not_installed(desk: Desk, args: list[str]) -> None:
    assert CliRunner().invoke(main, ["agents", "add", *args]).exit_code == 1
    assert [agent.slug for agent in DynamoAgents().list_agents()] == ["scout", "scribe"]


# For everyone


@pytest.mark.parametrize("path", [MENTIONS, ALIAS])
@pytest.mark.parametrize("kind", ["people", "agents", "teams", "commands"])
def test_every_item_has_the_common_members_and_only_teams_count(api: Api, desk: Desk, path: str, kind: str) -> None:
    items = api.get(f"{path}?type={kind}", desk.bob_key).json
    assert items
    for item in items:
        assert set(item) >= ITEM
        assert {"people": "person"}.get(kind, kind[:-1]) == item["type"]
        assert ("memberCount" in item) == (kind == "teams")


@pytest.mark.parametrize("query", ["type=everything", "type=", "type=People", f"q={'x' * 201}", "query=bob", "q=a&q=b"])
def test_a_malformed_search_is_refused(api: Api, desk: Desk, query: str) -> None:
    reply = api.get(f"{MENTIONS}?{query}", desk.alice_key)
    assert reply.status == 400
    assert set(reply.json) == {"success", "error"}


@pytest.mark.parametrize("path", [MENTIONS, ALIAS])
def test_mentions_need_a_key_of_whatever_area(api: Api, desk: Desk, path: str) -> None:
    assert api.get(path).status == 401
    assert api.get(path, desk.alice).status == 403
    assert [each["name"] for each in api.get(path, api_key("erin", desk)).json] == ["Erin"]


@pytest.mark.parametrize(
    ("kind", "calls", "steps"),
    [
        ("agents", ["Query"], 1),
        ("commands", ["Query"], 1),
        ("teams", ["Query"] * 2, 2),
        # At the same time the connections are read, in two steps.
        ("people", ["BatchGetItem"] * 2 + ["Query"] * 3, 3),
    ],
)
def test_steps_stay_the_same_however_many_teams_there_are(
    api: Api, desk: Desk, kind: str, calls: list[str], steps: int
) -> None:
    api.get(MENTIONS, desk.alice_key)
    assert sorted(api.get(f"{MENTIONS}?type={kind}", desk.alice_key).calls) == [*calls, "UpdateItem"]
    for number in range(8):
        person = employ(f"Person {number}")
        members = frozenset({person.user_id, desk.user_id("alice")})
        project = Project(inputs.uuid(number), f"p-{number}", f"P{number}", inputs.uuid(100 + number), members, members)
        DynamoDirectory().add_project(project, Team(project.team_id, f"T{number}"))
    api.get(MENTIONS, desk.alice_key)  # should a minute have begun meanwhile
    reply = api.get(f"{MENTIONS}?type={kind}", desk.alice_key)
    assert reply.steps == 1 + steps
    assert reply.calls.count("Query") == calls.count("Query") + (8 if kind in ("teams", "people") else 0)


def test_a_membership_is_seen_from_all_sides_or_none(api: Api, desk: Desk) -> None:
    store, erin = DynamoDirectory(), desk.user_id("erin")

    def come_or_go(number: int) -> None:
        with suppress(NotFound):
            if number % 2:
                store.add_member("apollo", erin, admin=False)
            else:
                store.remove_member("apollo", erin)

    for _ in range(3):
        run_concurrently(6, come_or_go)
        project = store.find_project("apollo")
        assert project is not None
        (roster,) = DynamoTeams().list_rosters([desk.demo["team_id"]])
        belongs = erin in project.members
        assert (erin in roster.members, bool(DynamoTeams().own_team_ids(erin))) == (belongs, belongs)


def test_the_first_members_of_a_project_fit_one_write(desk: Desk) -> None:
    people = [employ(f"Person {number}") for number in range(MOST_FIRST_MEMBERS)]
    members = frozenset(person.user_id for person in people)
    project = Project(inputs.uuid(1), "crowd", "Crowd", inputs.uuid(2), members, frozenset())
    DynamoDirectory().add_project(project, Team(inputs.uuid(2), "Crowd"))
    (roster,) = DynamoTeams().list_rosters([inputs.uuid(2)])
    assert roster.members == members
