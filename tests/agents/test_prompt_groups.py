"""Prompt groups: what is told of them, and how a message is scored."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.agents.domain.prompt_groups import GROUPS, PromptGroup, score_groups
from tests.conftest import Desk
from tests.support.api import Api

pytestmark = pytest.mark.engine("embedded")

PATH, ALIAS = "/api/v2/prompt-groups", "/api/v2/api/v2/prompt-groups"
NAMES = [
    "identity",
    "state",
    "conversation",
    "people",
    "memory",
    "schedule",
    "capabilities_core",
    "capabilities_triage",
    "capabilities_routing",
    "capabilities_federation",
    "capabilities_marketplace",
    "relay",
    "extensions",
    "setup",
    "business",
    "team",
    "active_caps",
]
# Says something, and nothing that any group listens for.
PLAIN = "The kettle boiled over in the kitchen"


def loaded(message: str, *context: str) -> set[str]:
    return {each.name for each in score_groups(message, context) if each.loads}


def score(name: str, message: str, *context: str) -> float:
    return next(each.score for each in score_groups(message, context) if each.name == name)


# The operation


@pytest.mark.parametrize("path", [PATH, ALIAS])
def test_all_groups_are_told_in_order_with_their_patterns(api: Api, desk: Desk, path: str) -> None:
    reply = api.get(path, desk.alice_key)
    assert reply.status == 200
    told = reply.json
    assert set(told) == {
        "version",
        "totalGroups",
        "groups",
        "scoring",
        "capabilityModuleSpec",
        "dynamicModules",
        "_links",
    }
    assert (told["version"], told["totalGroups"]) == ("1.0", 17)
    assert [each["index"] for each in told["groups"]] == list(range(1, 18))
    assert [each["name"] for each in told["groups"]] == NAMES
    assert [each["index"] for each in told["groups"] if each["alwaysLoaded"]] == [1, 2, 3, 7]
    for each in told["groups"]:
        assert set(each) == {"index", "name", "alwaysLoaded", "signalPatterns", "description"}
        assert len(each["signalPatterns"]) == (0 if each["alwaysLoaded"] else 1)
        for pattern in each["signalPatterns"]:
            re.compile(pattern)


def test_the_weights_and_the_shape_of_modules_are_told(api: Api, desk: Desk) -> None:
    told = api.get(PATH, desk.alice_key).json
    weights = {"messageMatchWeight": 0.6, "contextMatchWeight": 0.3, "baseline": 0.05, "threshold": 0.3}
    texts = {"contextWindow", "shortMessageBehavior"}
    assert {name: value for name, value in told["scoring"].items() if name not in texts} == weights | {
        "alwaysLoadedScore": 1.0
    }
    assert texts <= set(told["scoring"])
    spec = told["capabilityModuleSpec"]
    assert (spec["version"], spec["scoring"]) == ("1.0", weights | {"alwaysLoadScore": 1.0})
    assert {name: each["type"] for name, each in spec["fields"].items()} == {
        "signalPatterns": "json_array",
        "tokenEstimate": "integer",
        "alwaysLoad": "boolean",
        "moduleVersion": "string",
        "promptTemplate": "text",
        "editableFields": "json_array",
    }
    assert (spec["fields"]["alwaysLoad"]["default"], spec["fields"]["moduleVersion"]["default"]) == (False, "1.0")
    assert {"example" in each for name, each in spec["fields"].items() if name.endswith(("Patterns", "Fields"))} == {
        True
    }
    assert (told["dynamicModules"]["maxModulesPerUser"], told["dynamicModules"]["maxTokenBudget"]) == (30, 4000)


def test_every_link_leads_somewhere(api: Api, desk: Desk) -> None:
    links = api.get(PATH, desk.alice_key).json["_links"]
    assert links["self"] == PATH
    for link in links.values():
        assert api.get(link, desk.alice_key).status == 200


@pytest.mark.parametrize("path", [PATH, ALIAS])
@pytest.mark.parametrize("permissions", ["all", ["queue"], ["mcp"]])
def test_a_key_that_opens_any_area_will_do(api: Api, desk: Desk, path: str, permissions: object) -> None:
    made = api.post("/api/v2/keys", {"name": "narrow", "permissions": permissions}, desk.alice_key).json["data"]
    api.get(path, made["key"])
    assert api.get(path, made["key"]).calls == ["UpdateItem"]


@pytest.mark.parametrize("path", [PATH, ALIAS])
def test_instances_are_told_by_their_token_and_by_their_key(api: Api, desk: Desk, path: str) -> None:
    told = desk.demo["federation"]
    for credential in (told["platform_token"], told["instance_api_key"]):
        api.get(path, credential)
        answer = api.get(path, credential)
        # What guesses cost the address is read beside the credential.
        assert (set(answer.calls), answer.steps) == ({"UpdateItem", "BatchGetItem"}, 1)


@pytest.mark.parametrize("path", [PATH, ALIAS])
def test_without_a_key_nothing_is_told(api: Api, desk: Desk, path: str) -> None:
    for token, status in ((None, 401), ("dvd_nothing", 401), (desk.alice, 403)):
        reply = api.get(path, token)
        assert reply.status == status
        assert set(reply.json) == {"success", "error"}


# The scores


@pytest.mark.parametrize(
    ("message", "context", "expected"),
    [
        (PLAIN, (), 0.05),
        (PLAIN, ("my calendar",), 0.35),
        ("Look at my calendar please", (), 0.65),
        ("Look at my calendar please", ("my calendar",), 0.95),
        (PLAIN, ("my calendar", "one", "two"), 0.35),
        (PLAIN, ("my calendar", "one", "two", "three"), 0.05),
    ],
)
def test_message_and_context_add_up(message: str, context: tuple[str, ...], expected: float) -> None:
    assert score("schedule", message, *context) == expected
    assert ("schedule" in loaded(message, *context)) == (expected > 0.3)


def test_four_groups_are_always_loaded_and_score_one() -> None:
    assert loaded(PLAIN) == {"identity", "state", "conversation", "capabilities_core"}
    assert {score(name, PLAIN) for name in loaded(PLAIN)} == {1.0}


@pytest.mark.parametrize(
    "message",
    [
        "",
        "fourteen chars",
        "   fourteen chars   ",
        "Hi, the kettle boiled over",
        "hello the kettle boiled over",
        "HEY the kettle boiled over",
        "sup with the kettle",
        "yo the kettle boiled over",
        "whats up with the kettle",
        "What's up with the kettle",
        "what’s up with the kettle",
        "Good morning, the kettle boiled over",
        "gm, the kettle boiled over",
    ],
)
def test_a_short_message_or_a_greeting_loads_everything(message: str) -> None:
    assert loaded(message) == set(NAMES)
    assert score("schedule", message) == 0.05


@pytest.mark.parametrize("message", ["fifteen letters", "Highlands are wet", "Your kettle boiled", "Supper was fine"])
def test_a_message_that_says_enough_loads_what_it_calls_for(message: str) -> None:
    assert len(loaded(message)) < 17


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("people", "the WHOLE evening"),
        ("people", "a new Colleague"),
        ("memory", "as we did last time"),
        ("schedule", "an evening of dueling"),
        ("capabilities_triage", "please catchup"),
        ("capabilities_triage", "please catch-up"),
        ("capabilities_triage", "please catch up"),
        ("capabilities_triage", "inbox, then\nthe analysis"),
        ("capabilities_triage", "what else is new"),
        ("capabilities_routing", "find me\nsomeone"),
        ("capabilities_federation", "an fvp brief"),
        ("capabilities_federation", "who do you think should I meet"),
        ("capabilities_marketplace", "install some agent"),
        ("relay", "send to Bob"),
        ("relay", "ask Bob"),
        ("relay", "tell 3 of them"),
        ("extensions", "a plugin"),
        ("setup", "the API key"),
        ("business", "an Invoice"),
        ("team", "project \t\n member"),
        ("team", "cross-member"),
        ("active_caps", "send him an email"),
    ],
)
def test_a_group_is_called_for_by_its_words_wherever_they_stand(name: str, text: str) -> None:
    assert score(name, f"{PLAIN}. {text}") == 0.65


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("capabilities_triage", "analyse the inbox"),
        ("capabilities_federation", "should who, and then meat"),
        ("relay", "ask, and tell."),
        ("setup", "an apikey"),
        ("team", "projectmember"),
    ],
)
def test_a_group_is_not_called_for_by_less(name: str, text: str) -> None:
    assert score(name, f"{PLAIN}. {text}") == 0.05


# What holds for every text

_WORDS = sorted({word for group in GROUPS for word in re.findall(r"[a-zA-Z]+", group.pattern) if len(word) > 1})
_TEXTS = st.lists(st.sampled_from([*_WORDS, " ", "\n", "-", "kettle"]) | st.text(max_size=3), max_size=12).map("".join)


@given(_TEXTS, st.sampled_from(GROUPS))
def test_our_search_finds_what_the_published_pattern_finds(text: str, group: PromptGroup) -> None:
    assert group.always or group.is_called_for(text) == bool(re.search(group.pattern, text, re.IGNORECASE))


@given(_TEXTS, st.lists(_TEXTS, max_size=5))
def test_scores_are_the_five_there_are_and_context_only_adds(text: str, context: list[str]) -> None:
    alone, scores = score_groups(text), score_groups(text, context)
    assert [each.index for each in scores] == list(range(1, 18))
    assert {each.score for each in scores} <= {0.05, 0.35, 0.65, 0.95, 1.0}
    for before, after in zip(alone, scores, strict=True):
        assert before.score <= after.score
        assert before.loads <= after.loads
        assert after.loads or after.score < 0.3
    assert score_groups(text, context[-3:]) == scores


@given(_TEXTS)
def test_upper_and_lower_case_are_the_same(text: str) -> None:
    plain = text.encode("ascii", "ignore").decode()
    assert score_groups(plain.upper()) == score_groups(plain.lower()) == score_groups(plain)


@pytest.mark.parametrize("word", ["inbox ", "who should ", "project   ", "find post task ", "ask ", "a", " " * 50])
def test_no_message_takes_long_to_score(word: str) -> None:
    hostile = word * (250_000 // len(word))
    started = time.process_time()
    score_groups(hostile, [hostile])
    # Linear work takes a fraction of this; trying every gap from every start would take hours.
    assert time.process_time() - started < 10
