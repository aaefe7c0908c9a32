"""What may be found here, by anybody and by members."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from chalicelib.core.stores.shares import DynamoShares
from chalicelib.ids import TokenKind, mint_platform_token, mint_token
from chalicelib.people.domain.directory import Person, TeamVisibility
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.people.stores.directory_listing import DynamoDirectoryListing
from chalicelib.tokens.domain.tokens import KeyGrant
from chalicelib.tokens.stores.tokens import DynamoTokens
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api
from tests.support.concurrency import run_concurrently
from tests.support.instances import add_member, offer_agent, register_instance, run_admin

DISCOVER, PROFILE = "/api/v2/network/discover", "/api/v2/profile"


def tell(api: Api, key: str, **told: Any) -> None:
    assert api.call("PATCH", PROFILE, told, token=key).status == 200


def find(api: Api, query: str = "", token: str | None = None) -> Any:
    reply = api.get(f"{DISCOVER}?{query}", token)
    assert reply.status == 200, reply.text
    return reply.json


def names(api: Api, query: str = "", token: str | None = None) -> list[str]:
    return [each["name"] for each in find(api, f"type=profiles&{query}", token)["profiles"]["items"]]


@pytest.fixture
def trusted(desk: Desk) -> str:
    return str(desk.demo["federation"]["platform_token"])


def test_strangers_find_public_people_and_members_find_more(api: Api, desk: Desk, trusted: str) -> None:
    told = {"headline": "Ships it", "bio": "Long", "skills": ["go"], "languages": ["de"], "hobbies": ["chess"]}
    tell(api, desk.alice_key, visibility="public", superpowers=["calm"], **told)
    tell(api, desk.bob_key, **told)
    found = find(api, "type=profiles")["profiles"]
    assert found["total"] == 1
    (alice,) = found["items"]
    assert alice == {
        "id": desk.user_id("alice"),
        "userId": desk.user_id("alice"),
        "name": "Alice",
        "email": "alice@example.com",
        "headline": "Ships it",
        "currentTitle": None,
        "currentCompany": None,
        "industry": None,
        "capacity": "available",
        "skills": ["go"],
        "taskTypes": [],
        "timezone": None,
        "bio": "Long",
        "visibility": "public",
        "hasProfile": True,
    }
    found = find(api, "type=profiles", trusted)["profiles"]
    assert found["total"] == 4
    alice, bob = (next(e for e in found["items"] if e["name"] == name) for name in ("Alice", "Bob"))
    assert (alice["languages"], alice["hobbies"], alice["superpowers"]) == (["de"], ["chess"], ["calm"])
    assert (bob["email"], bob["bio"], bob["headline"], bob["hasProfile"]) == (None, None, "Ships it", True)
    assert "languages" not in bob
    # Who has told nothing, last; Dave is no employee any more.
    assert [each["name"] for each in found["items"][:2]] == ["Bob", "Alice"]
    assert {each["name"] for each in found["items"][2:]} == {"Carol", "Erin"}
    carol = found["items"][2]
    assert carol["id"] == f"user_{carol['userId']}"
    assert (carol["hasProfile"], carol["skills"], carol["email"]) == (False, None, None)


def test_private_people_are_never_found(api: Api, desk: Desk, trusted: str) -> None:
    tell(api, desk.alice_key, visibility="public")
    tell(api, desk.alice_key, visibility="private", headline="Hidden")
    assert names(api) == []
    assert "Alice" not in names(api, token=trusted)
    assert find(api, "q=hidden", trusted)["profiles"] == {"items": [], "total": 0}
    assert find(api)["networkStats"]["users"] == 4
    tell(api, desk.alice_key, visibility="connections")
    assert names(api, token=trusted)[0] == "Alice"


def test_people_who_leave_are_not_found_until_they_come_back(api: Api, desk: Desk) -> None:
    tell(api, desk.alice_key, visibility="public")
    for _ in range(2):
        run_admin("employees", "deactivate", "alice@example.com")
        assert (names(api), find(api)["networkStats"]["users"]) == ([], 3)
        run_admin("employees", "activate", "alice@example.com")
        assert (names(api), find(api)["networkStats"]["users"]) == (["Alice"], 4)
        run_admin("employees", "activate", "alice@example.com")


def test_an_invalid_token_counts_as_none(api: Api, desk: Desk) -> None:
    tell(api, desk.bob_key, headline="For members")
    pending = register_instance(api)
    for token in (
        "nonsense",
        "dvd_x",
        mint_platform_token().text,
        pending.token,
        pending.key,
        desk.alice_key,
        desk.fd1,
    ):
        reply = api.get(f"{DISCOVER}?type=profiles", token)
        assert (reply.status, reply.json["profiles"]["total"]) == (200, 0)
        assert reply.headers["cache-control"] == "public, max-age=300"
        assert "x-ratelimit-limit" not in reply.headers


def test_replies_have_cache_headers(api: Api, desk: Desk, trusted: str) -> None:
    reply = api.get(DISCOVER, trusted)
    assert reply.headers["cache-control"] == "private, max-age=60"
    assert reply.headers["x-ratelimit-limit"] == "600"
    assert reply.headers["vary"] == api.get(DISCOVER).headers["vary"] == "Authorization"


@pytest.mark.parametrize(
    ("kind", "sections"),
    [
        ("profiles", {"profiles"}),
        ("teams", {"teams"}),
        ("agents", {"agents"}),
        ("all", {"profiles", "teams", "agents"}),
        ("jobs", set()),
    ],
)
def test_replies_have_the_requested_sections_and_the_statistics(
    api: Api, desk: Desk, kind: str, sections: set[str]
) -> None:
    told = find(api, f"type={kind}")
    assert set(told) == {"networkStats", *sections}
    assert told["networkStats"] == {"users": 4, "teams": 2, "agents": 3, "federatedInstances": 1}


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=x", "offset=-1", "offset=x", "q=a&q=b", "page=1"])
def test_invalid_parameters_are_refused(api: Api, desk: Desk, query: str) -> None:
    reply = api.get(f"{DISCOVER}?{query}")
    assert (reply.status, reply.json["success"]) == (400, False)


@pytest.mark.parametrize(
    ("sought", "found"),
    [
        ("SHIP", ["Alice"]),
        ("ali", ["Alice"]),
        ("northwind", ["Bob"]),
        ("straße", ["Bob"]),
        ("STRASSE", ["Bob"]),
        ("chess", []),
        ("example.com", []),
        ("%25", []),
    ],
)
def test_people_are_found_by_part_of_their_profile(
    api: Api, desk: Desk, trusted: str, sought: str, found: list[str]
) -> None:
    tell(api, desk.alice_key, visibility="public", headline="Ships it", hobbies=["chess"])
    tell(api, desk.bob_key, currentCompany="Northwind", industry="Straßenbau")
    assert names(api, f"q={sought}", trusted) == found
    assert find(api, f"q={sought}", trusted)["profiles"]["total"] == len(found)


def test_paging_visits_everyone_once_with_correct_totals(api: Api, desk: Desk, trusted: str) -> None:
    for number in range(23):
        DynamoDirectory().add_person(Person(inputs.uuid(number), f"p{number}@example.com", f"Person {number}"))
    tell(api, desk.alice_key, visibility="public")
    tell(api, desk.bob_key, headline="x")
    for query in ("", "q=o"):
        whole = names(api, f"limit=200&{query}", trusted)
        seen: list[str] = []
        for offset in range(0, 40, 7):
            page = find(api, f"type=profiles&limit=7&offset={offset}&{query}", trusted)["profiles"]
            assert page["total"] == len(whole)
            seen += [each["name"] for each in page["items"]]
        assert seen == whole
        assert len(whole) == len(set(whole))
    assert find(api, "offset=999999999", trusted)["profiles"]["items"] == []


def test_teams_are_found_by_their_visibility(api: Api, desk: Desk, trusted: str) -> None:
    def list_names(token: str | None, query: str = "") -> list[str]:
        teams = find(api, f"type=teams&{query}", token)["teams"]
        assert teams["total"] == len(teams["items"])
        return [each["name"] for each in teams["items"]]

    zephyr = next(e for e in json.loads(run_admin("teams", "list", "--json")) if e["name"] == "Team Zephyr")["id"]
    for visibility, anybody, members in (
        ("private", [], []),
        ("network", [], ["Team Zephyr"]),
        ("public", ["Team Zephyr"], ["Team Zephyr"]),
        ("private", [], []),
    ):
        assert f"is now {visibility}" in run_admin("teams", "reveal", zephyr, visibility)
        assert (list_names(None), list_names(trusted)) == (anybody, members)
    for team in (zephyr, desk.demo["team_id"]):
        run_admin("teams", "reveal", team, "public")
    assert list_names(None) == ["Team Apollo", "Team Zephyr"]
    assert list_names(None, "q=MACHINES") == ["Team Zephyr"]
    (zephyr_shown,) = find(api, "type=teams&limit=1&offset=1")["teams"]["items"]
    assert (zephyr_shown["memberCount"], zephyr_shown["avatar"]) == (2, None)
    assert find(api)["networkStats"]["teams"] == 2


def test_own_and_offered_agents_are_found(api: Api, desk: Desk) -> None:
    made = add_member(api, name="Acme")
    offer_agent(api, made, "z", name="Zoologist", category="research", tags=["a"], pricePerTask=1.5)
    found = find(api, "type=agents")["agents"]
    assert [each["name"] for each in found["items"]] == ["Scout", "Scribe", "Zoologist", "Freight Planner"]
    assert found["total"] == 4
    zoologist = found["items"][2]
    assert (zoologist["slug"], zoologist["tags"], zoologist["pricePerTask"]) == ("acme-zoologist", '["a"]', 1.5)
    assert (zoologist["developerName"], zoologist["developerUrl"]) == ("Acme", made.base_url)
    for offset in range(5):
        page = find(api, f"type=agents&limit=1&offset={offset}")["agents"]
        assert page == {"items": found["items"][offset : offset + 1], "total": 4}
    for sought, expected in (("RESEARCH", ["Scout", "Zoologist"]), ("acme", ["Zoologist"]), ("nothing", [])):
        page = find(api, f"type=agents&q={sought}")["agents"]
        assert ([each["name"] for each in page["items"]], page["total"]) == (expected, len(expected))


def test_discovery_takes_a_constant_number_of_store_calls(api: Api, desk: Desk, trusted: str) -> None:
    steps = []
    for _ in range(2):
        api.get(DISCOVER, trusted)
        steps.append([api.get(f"{DISCOVER}?limit=5", token).steps for token in (None, trusted)])
        for number in range(60 if len(steps) == 1 else 0):
            DynamoDirectory().add_person(Person(inputs.uuid(number), f"p{number}@example.com", f"Person {number}"))
    assert steps[0] == steps[1] == [3, 4]


def test_counts_stay_correct_under_simultaneous_changes(api: Api, desk: Desk, trusted: str) -> None:
    keys = []
    for number in range(8):
        DynamoDirectory().add_person(Person(inputs.uuid(number), f"p{number}@example.com", f"Person {number}"))
        token = mint_token(TokenKind.KEY)
        grant = KeyGrant(
            inputs.uuid(100 + number), inputs.uuid(number), "test", token.visible_prefix, frozenset({"all"})
        )
        DynamoTokens().add_key(grant, token, now=datetime.now(UTC), reply={})
        keys.append(token.text)

    def change(number: int) -> int:
        visibility = ("public", "private", "connections")[number % 3]
        return api.status("PATCH", PROFILE, {"visibility": visibility}, keys[number % 8])

    assert set(run_concurrently(16, change)) == {200}
    found = find(api, "type=profiles&limit=200", trusted)
    assert found["profiles"]["total"] == len(found["profiles"]["items"])
    assert found["networkStats"]["users"] == 12
    team = str(desk.demo["team_id"])
    run_concurrently(
        6, lambda number: DynamoDirectoryListing().set_team_visibility(team, list(TeamVisibility)[number % 3])
    )
    assert find(api)["networkStats"]["teams"] == 2


def test_a_stranger_has_a_share_of_a_minute_and_members_have_their_own_budget(
    api: Api, desk: Desk, trusted: str
) -> None:
    now, stranger, other = datetime(2026, 5, 21, 12, 0, 20, tzinfo=UTC), "203.0.113.9", "198.51.100.8"
    with time_machine.travel(now, tick=False) as clock:
        assert api.get(DISCOVER, address=stranger).steps == 3
        for _ in range(299):
            DynamoShares().take("SEARCHES", stranger, most=300, now=now)
        refused = api.get(DISCOVER, address=stranger)
        assert (refused.status, refused.headers["retry-after"], refused.steps) == (429, "40", 1)
        assert "cache-control" not in refused.headers or "public" not in refused.headers["cache-control"]
        assert api.get(DISCOVER, address=other).status == 200
        assert api.get(DISCOVER, trusted, address=stranger).status == 200
        clock.shift(40)
        assert api.get(DISCOVER, address=stranger).status == 200
