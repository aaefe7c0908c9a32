"""Tokens of directories: made, listed, rotated and revoked by operators."""

import json
from typing import Any

import pytest

from chalicelib.tokens.domain.scim_tokens import MOST_SCIM_TOKENS
from tests.conftest import Desk
from tests.support.api import Api
from tests.support.directories import USERS, new_scim_token
from tests.support.instances import run_admin

pytestmark = pytest.mark.usefixtures("desk")


def run(*command: str) -> Any:
    return json.loads(run_admin("scim-tokens", *command, "--json"))


def test_a_token_is_shown_once_and_listed_with_its_use(api: Api, desk: Desk) -> None:
    assert run_admin("scim-tokens", "list") == "No SCIM tokens.\n"
    made = run("create", "--name", "Entra")
    assert made["url"] == "http://desk.test/scim/v2"
    assert made["token"].startswith("flux-scim-")
    assert api.get(USERS, made["token"], address="203.0.113.9").status == 200
    [listed] = run("list")
    assert made["token"] not in json.dumps(listed)
    wanted = {"tokenId": made["tokenId"], "name": "Entra", "status": "active", "useCount": 1}
    assert wanted.items() <= listed.items()
    assert listed["lastUsedFrom"] == "203.0.113.9"


def test_a_rotated_token_works_for_another_day(api: Api, desk: Desk) -> None:
    first = run("create", "--name", "Okta")
    second = run("rotate", first["tokenId"])
    before, after = api.get(USERS, first["token"]), api.get(USERS, second["token"])
    assert (before.status, after.status) == (200, 200)
    assert ("deprecation" in before.headers, "deprecation" in after.headers) == (True, False)
    third = run("rotate", first["tokenId"], "--at-once")
    assert [api.get(USERS, each["token"]).status for each in (first, second, third)] == [401, 401, 200]


def test_a_revoked_token_is_refused_for_good(api: Api, desk: Desk) -> None:
    made = run("create", "--name", "Okta")
    run_admin("scim-tokens", "revoke", made["tokenId"])
    refused = api.get(USERS, made["token"])
    assert (refused.status, refused.json["status"]) == (401, "401")
    assert run("list")[0]["status"] == "revoked"
    assert "not found" in run_admin("scim-tokens", "revoke", "6f9c2c1e-6a41-4b0f-9d0c-0d3a3f0c7a55", fails=True)


def test_a_desk_has_twenty_tokens_at_most() -> None:
    for number in range(MOST_SCIM_TOKENS):
        new_scim_token(f"directory {number}")
    assert "at most 20" in run_admin("scim-tokens", "create", "--name", "one more", fails=True)
    run_admin("scim-tokens", "revoke", run("list")[0]["tokenId"])
    run_admin("scim-tokens", "create", "--name", "one more")


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "two\nlines"])
def test_a_token_has_a_name_of_one_line(name: str) -> None:
    assert "one line" in run_admin("scim-tokens", "create", "--name", name, fails=True)
