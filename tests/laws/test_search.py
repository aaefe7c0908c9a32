"""A text is found by each of its canonical and case variants, at every operation that searches.

These are the inbox, contacts, mentions, the directory and employees. The catalog only has filters by exact values.
"""

import unicodedata
from collections.abc import Callable
from typing import Any, Literal
from urllib.parse import quote
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from chalicelib.agents.domain.agents import Agent
from chalicelib.agents.stores.agents import DynamoAgents
from chalicelib.core.domain.text import normalize_text
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import ROUTES, Api

FORMS: tuple[Literal["NFC", "NFD", "NFKC", "NFKD"], ...] = ("NFC", "NFD", "NFKC", "NFKD")
HARD = [
    "Işık Yılmaz",
    "İlker",
    "ﬀ ßtraße STRASSE",
    "Łukasz Đorđe Ødegård",
    "ΟΔΥΣΣΕΎΣ ὀδυσσεύς",
    "パパ ﾊﾟﾊﾟ がぎ",
    "ＡＢＣ ①②",
    "O\u2019Brien d\u02bcArc",
    "می\u200cخواهم 👨\u200d👩\u200d👧",
    "hand\u00adbook zero\u200bwidth",
    "ǅungla ŉ ΐ",
    "각 한글",
    "x\u0327\u0301 q\u0323\u0307",
]
# An inbox page and a contact have their own limits of length; variants may be longer than the text.
LINES = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp", "Cf")), min_size=1, max_size=8)


def variants(text: str) -> set[str]:
    forms = {unicodedata.normalize(form, text) for form in FORMS} | {text}
    cased = {change(form) for form in forms for change in (str.upper, str.lower, str.casefold, str.title, str.swapcase)}
    return {each for each in forms | cased if len(each) <= 200}


class Searched:
    """Where a text is put, and how it is searched for."""

    def __init__(self, put: Callable[[Api, Desk, str], Any], find: Callable[[Api, Desk, str], list[str]]) -> None:
        self.put, self.find = put, find


def _publish(api: Api, desk: Desk, text: str) -> None:
    assert api.post("/api/v1/events", inputs.new_event(title=text), desk.alice).status == 202


def _find_deliveries(api: Api, desk: Desk, sought: str) -> list[str]:
    reply = api.get(f"/api/v1/inbox?limit=100&q={quote(sought)}", desk.alice_key)
    return [each["title"] for each in reply.json["items"]]


def _add_contact(api: Api, desk: Desk, text: str) -> None:
    assert api.post("/api/v2/contacts", {"name": text}, desk.alice_key).status == 201


def _find_contacts(api: Api, desk: Desk, sought: str) -> list[str]:
    reply = api.get(f"/api/v2/contacts?limit=200&search={quote(sought)}", desk.alice_key)
    return [each["name"] for each in reply.json["data"]["contacts"]]


def _install_agent(_api: Api, _desk: Desk, text: str) -> None:
    name = f"agent-{uuid4().hex[:12]}"
    DynamoAgents().add_agent(Agent(str(uuid4()), name, text, "Does it.", "general", ()))


def _find_agents(api: Api, desk: Desk, sought: str) -> list[str]:
    return [each["name"] for each in api.get(f"/api/chat/mentions?type=agents&q={quote(sought)}", desk.alice_key).json]


def _show_headline(api: Api, desk: Desk, text: str) -> None:
    body = {"visibility": "public", "headline": text}
    assert api.call("PATCH", "/api/v2/profile", body, token=desk.alice_key).status == 200


def _find_headlines(api: Api, _desk: Desk, sought: str) -> list[str]:
    found = api.get(f"/api/v2/network/discover?type=profiles&q={quote(sought)}").json["profiles"]["items"]
    return [each["headline"] for each in found]


def _register(api: Api, desk: Desk, text: str) -> None:
    body = {"email": f"{uuid4().hex}@found.example", "name": text}
    assert api.post("/api/v2/operate/employees", body, desk.alice_key).status == 201


def _find_employees(api: Api, desk: Desk, sought: str) -> list[str]:
    reply = api.get(f"/api/v2/operate/employees?limit=200&search={quote(sought)}", desk.alice_key)
    return [each["name"] for each in reply.json["data"]["items"] if each["email"].endswith("@found.example")]


SEARCHED = {
    "list_employees": Searched(_register, _find_employees),
    "list_inbox": Searched(_publish, _find_deliveries),
    "list_contacts": Searched(_add_contact, _find_contacts),
    "list_mentions": Searched(_install_agent, _find_agents),
    "discover_network": Searched(_show_headline, _find_headlines),
}


@pytest.fixture(autouse=True)
def _budgets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEY", "PERSONAL"):
        monkeypatch.setenv(f"FLUXDEN_{name}_BUDGET", "1000000")


def test_every_operation_that_searches_is_here() -> None:
    searching = {
        route.__name__
        for route in ROUTES.values()
        if {"q", "search"} & getattr(route.annotations.get("query"), "model_fields", {}).keys()
    }
    assert searching == SEARCHED.keys()


@pytest.mark.parametrize("name", SEARCHED)
@pytest.mark.parametrize("text", HARD, ids=ascii)
def test_a_hard_text_is_found_in_each_variant(api: Api, desk: Desk, name: str, text: str) -> None:
    searched = SEARCHED[name]
    searched.put(api, desk, text)
    for variant in sorted(variants(text)):
        assert searched.find(api, desk, variant) == [text], ascii(variant)


@pytest.mark.parametrize("name", SEARCHED)
def test_a_text_is_found_in_each_variant(api: Api, desk: Desk, name: str) -> None:
    searched = SEARCHED[name]

    @settings(max_examples=12, suppress_health_check=list(HealthCheck), database=None)
    @given(LINES)
    @example("ǰ")
    @example("ΐ")
    def check(text: str) -> None:
        assume(normalize_text(text))
        searched.put(api, desk, text)
        for variant in sorted(variants(text)):
            assert text in searched.find(api, desk, variant), ascii(variant)

    check()


@pytest.mark.parametrize("name", SEARCHED)
def test_other_letters_are_not_found(api: Api, desk: Desk, name: str) -> None:
    searched = SEARCHED[name]
    searched.put(api, desk, "パパ が")
    for other in ("ハハ", "ババ", "か", "は"):
        assert searched.find(api, desk, other) == []
