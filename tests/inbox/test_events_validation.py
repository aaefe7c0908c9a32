"""POST /api/v1/events: which events are refused, how, and that nothing comes of them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest
import time_machine

from chalicelib.vault import new_key
from infra import demo
from tests.conftest import Desk
from tests.support import engine_state, inputs
from tests.support.api import Answer, Api

pytestmark = pytest.mark.engine("embedded")

EVENTS = "/api/v1/events"
LARGEST_BODY = 262_144
SECRET = "hunter2-correct-horse"

REQUIRED = ("spec_version", "event_id", "event_type", "severity", "title", "occurred_at")
OPTIONAL = (
    "summary",
    "markdown_body",
    "markdown_body_rendering",
    "external_url",
    "external_status",
    "actor",
    "labels",
    "actions",
    "recipient_hint",
    "project_slug",
    "tone",
    "locale",
)
OBJECTS, LISTS = ("actor", "labels", "recipient_hint"), ("actions",)
TEXTS = tuple(name for name in REQUIRED + OPTIONAL if name not in OBJECTS + LISTS)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One organisation for the whole file: alice's events are all refused here, bob's accepted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEMO_FILE", str(tmp_path_factory.mktemp("desk") / "demo.json"))
        patch.setenv("FLUXDEN_PERSONAL_BUDGET", "100000")
        patch.setenv("FLUXDEN_SECRET_KEY", new_key())
        engine_state.clear_engine()
        desk = Desk(demo.create(demo.Addresses("http://desk.test", "ws://desk.test", {})))
        yield desk
        left = Api().get("/api/v1/inbox", desk.alice_key).json["items"]
    assert left == [], "an event was refused and yet delivered"


def button(**overrides: Any) -> dict[str, Any]:
    return {"label": "Open", "action_type": "url", "url": "https://git.example.com/acme"} | overrides


def webhook(**overrides: Any) -> dict[str, Any]:
    made = {"label": "Approve", "action_type": "webhook", "webhook_url": "https://git.example.com/hook"}
    return made | overrides


def refuse(api: Api, desk: Desk, paths: str | set[str], **overrides: Any) -> Answer:
    """Publish an event that is refused for what is at `paths`, and for nothing else."""
    paths = {paths} if isinstance(paths, str) else paths
    event = inputs.new_event() | overrides
    answer = refused(api.post(EVENTS, event, desk.alice))
    assert set(answer.json["fieldErrors"]) == paths, answer.text
    assert all(reason for reasons in answer.json["fieldErrors"].values() for reason in reasons)
    for path in paths:
        assert not echoed(answer, at(event, path)), f"{path} is repeated in {answer.text}"
    return answer


def refused(answer: Answer) -> Answer:
    """The reply is a refusal of invalid input."""
    assert answer.status == 400, answer.text
    assert (answer.json["status"], answer.json["code"]) == (400, "validation_failed")
    assert answer.headers["content-type"] == "application/problem+json; charset=utf-8"
    return answer


def accept(api: Api, desk: Desk, **overrides: Any) -> Any:
    answer = api.post(EVENTS, inputs.new_event() | overrides, desk.bob)
    assert answer.status == 202, answer.text
    return answer.json


def at(event: Any, path: str) -> Any:
    """What the event has at this path of `fieldErrors`, or None."""
    for part in path.split("."):
        if isinstance(event, Mapping):
            event = event.get(part)
        elif isinstance(event, list) and int(part) < len(event):
            event = event[int(part)]
        else:
            return None
    return event


def echoed(answer: Answer, value: Any) -> bool:
    """Whether what the reply says repeats the value's beginning; three characters may be there by chance."""
    if isinstance(value, Mapping):
        return any(echoed(answer, each) for each in value.values())
    if isinstance(value, list):
        return any(echoed(answer, each) for each in value)
    text = "" if value is None or isinstance(value, bool) else str(value)
    said = [answer.json["detail"], *(reason for reasons in answer.json["fieldErrors"].values() for reason in reasons)]
    return len(text) > 3 and any(text[:20] in each for each in said)


def spliced(member: str, **overrides: Any) -> bytes:
    """A valid event's body with the text `member` put in as it is."""
    return (json.dumps(inputs.new_event(**overrides))[:-1] + f",{member}}}").encode()


# What members there are


@pytest.mark.parametrize("member", REQUIRED)
def test_a_required_member_is_required(api: Api, desk: Desk, member: str) -> None:
    event = inputs.new_event()
    del event[member]

    answer = refused(api.post(EVENTS, event, desk.alice))

    assert answer.json["fieldErrors"] == {member: ["is required"]}


def test_nested_required_members_are_required(api: Api, desk: Desk) -> None:
    missing = {"actor.email", "actions.0.label", "actions.1.action_type"}
    untyped = {"label": "Open", "url": "https://git.example.com/acme"}
    unlabelled = {"action_type": "url", "url": "https://git.example.com/acme"}
    answer = refuse(api, desk, missing, actor={"name": "Alice"}, actions=[unlabelled, untyped])

    assert {reason for reasons in answer.json["fieldErrors"].values() for reason in reasons} == {"is required"}


@pytest.mark.parametrize(
    "name",
    ["recipient", "recipients", "Title", "titel", "eventId", "title ", "details.more", "markdown-body", "x" * 150],
)
def test_an_unknown_member_is_refused_by_its_name_only(api: Api, desk: Desk, name: str) -> None:
    event = inputs.new_event() | {name: {"type": "email", "value": SECRET}}

    answer = refused(api.post(EVENTS, event, desk.alice))

    assert answer.json["fieldErrors"] == {name: ["is not a known member"]}
    assert SECRET not in answer.text


def test_a_very_long_unknown_name_is_cut(api: Api, desk: Desk) -> None:
    answer = refused(api.post(EVENTS, inputs.new_event() | {"n" * 5000: 1}, desk.alice))

    assert set(answer.json["fieldErrors"]) == {"n" * 200}


def test_unknown_members_are_refused_at_every_depth(api: Api, desk: Desk) -> None:
    more = {"extra": SECRET}
    refuse(
        api,
        desk,
        {"actor.extra", "actions.0.extra", "actions.1.extra", "recipient_hint.extra"},
        actor={"email": "alice@example.com"} | more,
        actions=[button(**more), webhook(**more)],
        recipient_hint={"email": "bob@example.com"} | more,
    )


def test_all_errors_are_reported_at_once(api: Api, desk: Desk) -> None:
    answer = refuse(api, desk, {"title", "severity", "tone"}, title="", severity="fatal", tone="grumpy")

    assert answer.json["detail"].endswith("(and 2 more)")


# Types, of which none is converted


@pytest.mark.parametrize(
    "wrong",
    [8675309, 8675309.5, 2, 0, True, False, ["hunter2"], [], {"text": "hunter2"}, {}],
    ids=json.dumps,
)
def test_other_types_are_refused_as_text(api: Api, desk: Desk, wrong: object) -> None:
    nested = {
        "actor": {"email": wrong, "name": wrong},
        "labels": {"repo": wrong},
        "actions": [button(label=wrong, action_type=wrong, url=wrong, webhook_url=wrong)],
        "recipient_hint": {"email": wrong, "user_id": wrong, "display_hint": wrong},
    }
    paths = {f"{name}.{inner}" for name in OBJECTS for inner in nested[name]}
    paths |= {f"actions.0.{inner}" for inner in ("label", "action_type", "url", "webhook_url")}

    refuse(api, desk, paths | set(TEXTS), **dict.fromkeys(TEXTS, wrong), **nested)


@pytest.mark.parametrize("wrong", ["hunter2", "", "{}", 8675309, True, ["hunter2"], []], ids=json.dumps)
def test_other_types_are_refused_as_objects(api: Api, desk: Desk, wrong: object) -> None:
    refuse(api, desk, {*OBJECTS, "actions.0"}, **dict.fromkeys(OBJECTS, wrong), actions=[wrong])


@pytest.mark.parametrize("wrong", ["hunter2", "", "[]", 8675309, True, {"0": "hunter2"}, {}], ids=json.dumps)
def test_other_types_are_refused_as_lists(api: Api, desk: Desk, wrong: object) -> None:
    refuse(api, desk, "actions", actions=wrong)


def test_null_is_refused_in_every_member(api: Api, desk: Desk) -> None:
    refuse(api, desk, {*REQUIRED, *OPTIONAL}, **dict.fromkeys(REQUIRED + OPTIONAL))


def test_null_is_refused_at_every_depth(api: Api, desk: Desk) -> None:
    refuse(
        api,
        desk,
        {
            "actor.name",
            "labels.repo",
            "actions.0.webhook_url",
            "actions.1.url",
            "actions.2",
            "recipient_hint.email",
            "recipient_hint.user_id",
            "recipient_hint.display_hint",
        },
        actor={"email": "alice@example.com", "name": None},
        labels={"repo": None},
        actions=[button(webhook_url=None), webhook(url=None), None],
        recipient_hint={"email": None, "user_id": None, "display_hint": None},
    )


@pytest.mark.parametrize(
    ("member", "values"),
    [
        ("spec_version", ["1", "2.0", "02", " 2", "3", "v2", ""]),
        ("severity", ["error", "Critical", "CRITICAL", "warning", "info ", ""]),
        ("markdown_body_rendering", ["open", "Collapsed", ""]),
        ("external_status", ["closed", "Firing", "done", ""]),
        ("tone", ["angry", "Positive", ""]),
    ],
)
def test_unknown_enum_values_are_refused(api: Api, desk: Desk, member: str, values: list[str]) -> None:
    for value in values:
        refuse(api, desk, member, **{member: value})


def test_every_enum_value_is_accepted(api: Api, desk: Desk) -> None:
    words: dict[str, list[str]] = {
        "severity": ["critical", "warn", "info", "success"],
        "markdown_body_rendering": ["collapsed", "expanded", "preview"],
        "external_status": ["firing", "resolved", "pending", "approved", "rejected", "withdrawn"],
        "tone": ["neutral", "positive", "negative"],
    }
    for turn in range(6):
        chosen = {member: known[turn % len(known)] for member, known in words.items()}
        told = accept(api, desk, **chosen)
        assert [told["severity"], told["tone"]] == [chosen["severity"], chosen["tone"]]
        assert told["markdownBodyRendering"] == chosen["markdown_body_rendering"]
        assert told["externalStatus"] == chosen["external_status"]


# Lengths and patterns


def filled(character: str, more: int = 0) -> dict[str, Any]:
    """An event whose free texts have their greatest length, and `more`."""

    def text(length: int) -> str:
        return character * (length + more)

    return {
        "title": text(200),
        "summary": text(500),
        "markdown_body": text(8000),
        "external_url": "https://git.example.com/" + text(2000 - 24),
        "actor": {"email": "alice@example.com", "name": text(80)},
        "labels": {"repo": text(80)},
        "actions": [
            button(label=text(40), url="https://git.example.com/" + text(2000 - 24)),
            webhook(label=text(40), webhook_url="https://git.example.com/" + text(2000 - 24)),
        ],
        "recipient_hint": {"display_hint": text(80)},
    }


FILLED_PATHS = {
    "title",
    "summary",
    "markdown_body",
    "external_url",
    "actor.name",
    "labels.repo",
    "actions.0.label",
    "actions.0.url",
    "actions.1.label",
    "actions.1.webhook_url",
    "recipient_hint.display_hint",
}


@pytest.mark.parametrize("character", ["a", "中", "😀"], ids=["ascii", "cjk", "emoji"])
def test_texts_are_measured_in_characters_and_may_have_their_greatest_length(
    api: Api, desk: Desk, character: str
) -> None:
    sent = filled(character)
    told = accept(api, desk, **sent)

    assert [told["title"], told["summary"], told["markdownBody"]] == [character * n for n in (200, 500, 8000)]
    assert told["externalUrl"] == sent["external_url"]
    assert told["labels"] == sent["labels"]
    assert told["actor"] == sent["actor"]

    refuse(api, desk, FILLED_PATHS, **filled(character, more=1))


def test_identifiers_may_have_their_greatest_length_and_no_more(api: Api, desk: Desk) -> None:
    edges: dict[str, Any] = {
        "event_id": "i" * 120,
        "event_type": "fd1.t." + "t" * 54,
        "actor": {"email": "a" * 108 + "@example.com"},
        "recipient_hint": {"email": "b" * 108 + "@example.com"},
    }
    told = accept(api, desk, **edges)
    assert [told["eventId"], told["eventType"]] == [edges["event_id"], edges["event_type"]]

    refuse(
        api,
        desk,
        {"event_id", "event_type", "actor.email", "recipient_hint.email", "project_slug"},
        event_id="i" * 121,
        event_type="fd1.t." + "t" * 55,
        actor={"email": "a" * 109 + "@example.com"},
        recipient_hint={"email": "b" * 109 + "@example.com"},
        project_slug="p" * 81,
    )


def test_a_project_slug_of_any_allowed_length_is_looked_up(api: Api, desk: Desk) -> None:
    for slug in ("p", "p" * 80, "项" * 80):
        assert api.post(EVENTS, inputs.new_event(project_slug=slug), desk.alice).status == 403


def test_texts_that_must_not_be_empty_are_refused_when_they_are(api: Api, desk: Desk) -> None:
    refuse(
        api,
        desk,
        {"event_id", "event_type", "title", "project_slug", "actions.0.label"},
        event_id="",
        event_type="",
        title="",
        project_slug="",
        actions=[button(label="")],
    )


def test_texts_without_a_minimum_may_be_empty(api: Api, desk: Desk) -> None:
    accept(
        api,
        desk,
        event_id="i",
        title="t",
        summary="",
        markdown_body="",
        actor={"email": "a@b", "name": ""},
        labels={"": "", "repo": ""},
        actions=[],
    )
    accept(api, desk, labels={}, actions=[button(label="O")])


@pytest.mark.parametrize(
    "event_id",
    ["a b", "a.b", "a/b", "a:b", "a#b", "ä", "１", "事件", "a\n", "\na", " a", "evt-1\u200b", "😀"],
    ids=ascii,
)
def test_an_event_id_has_letters_digits_dashes_and_underscores_only(api: Api, desk: Desk, event_id: str) -> None:
    refuse(api, desk, "event_id", event_id=event_id)


def test_every_allowed_character_of_an_event_id_is_accepted(api: Api, desk: Desk) -> None:
    event_id = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
    assert accept(api, desk, event_id=event_id)["eventId"] == event_id


@pytest.mark.parametrize(
    "email",
    [
        "",
        "hunter2",
        "@example.com",
        "alice@",
        "alice@example.com ",
        "alice@example.com\n",
        "a@b@example.com",
        "alice@-example.com",
        "alice@example..com",
        "al ice@example.com",
        '"al ice"@example.com',
        "Alice <alice@example.com>",
        "alice@[127.0.0.1]",
    ],
    ids=ascii,
)
def test_malformed_email_address_is_refused(api: Api, desk: Desk, email: str) -> None:
    refuse(api, desk, {"actor.email", "recipient_hint.email"}, actor={"email": email}, recipient_hint={"email": email})


def test_address_with_letters_of_any_script_is_accepted(api: Api, desk: Desk) -> None:
    accept(api, desk, actor={"email": "爱丽丝@example.com"})


@pytest.mark.parametrize(
    "user_id",
    [
        "",
        "hunter2",
        "d76164c5e1575e129c4e55111bbb1034",
        "d76164c5-e157-5e12-9c4e-55111bbb103",
        "d76164c5-e157-5e12-9c4e-55111bbb10345",
        "g76164c5-e157-5e12-9c4e-55111bbb1034",
        "{d76164c5-e157-5e12-9c4e-55111bbb1034}",
        "urn:uuid:d76164c5-e157-5e12-9c4e-55111bbb1034",
        "d76164c5-e157-5e12-9c4e-55111bbb1034\n",
    ],
    ids=ascii,
)
def test_a_hinted_user_id_is_a_uuid(api: Api, desk: Desk, user_id: str) -> None:
    refuse(api, desk, "recipient_hint.user_id", recipient_hint={"user_id": user_id})


# Labels, actions, hints


def test_there_may_be_twenty_labels_and_four_actions_and_no_more(api: Api, desk: Desk) -> None:
    labels = {f"label-{n}": f"value-{n}" for n in range(21)}
    twenty = dict(list(labels.items())[:20])
    told = accept(api, desk, labels=twenty, actions=[button(), webhook(), button(), webhook()])
    assert told["labels"] == twenty
    assert len(told["actions"]) == 4

    refuse(api, desk, {"labels", "actions"}, labels=labels, actions=[button()] * 5)


def test_invalid_label_is_reported_by_its_name(api: Api, desk: Desk) -> None:
    refuse(api, desk, "labels.team", labels={"repo": "widget-pro", "team": "x" * 81})
    refuse(api, desk, "labels.team", labels={"repo": "widget-pro", "team": {"name": "hunter2"}})
    refuse(api, desk, {"labels.团队", "labels.b"}, labels={"a": "fine", "团队": 8675309, "b": "值" * 81})


def test_an_action_needs_the_target_of_its_type(api: Api, desk: Desk) -> None:
    actions = [
        {"label": "Open", "action_type": "url"},
        {"label": "Open", "action_type": "url", "webhook_url": "https://git.example.com/hook"},
        {"label": "Call", "action_type": "webhook"},
        {"label": "Call", "action_type": "webhook", "url": "https://git.example.com/acme"},
    ]
    needed = {"actions.0.url", "actions.1.url", "actions.2.webhook_url", "actions.3.webhook_url"}
    refuse(api, desk, needed, actions=actions)


def test_an_action_may_have_both_targets_and_the_other_one_is_checked_too(api: Api, desk: Desk) -> None:
    inner = "https://127.0.0.1/hook"
    accept(api, desk, actions=[button(webhook_url="https://git.example.com/hook"), webhook(url="https://a.example")])

    refuse(
        api,
        desk,
        {"actions.0.webhook_url", "actions.1.url"},
        actions=[button(webhook_url=inner), webhook(url=inner)],
    )


def test_an_unknown_action_type_is_refused(api: Api, desk: Desk) -> None:
    for unknown in ("link", "URL", "Webhook", ""):
        refuse(api, desk, "actions.1.action_type", actions=[button(), button(action_type=unknown)])


def test_a_hint_needs_one_of_its_members(api: Api, desk: Desk) -> None:
    refuse(api, desk, "recipient_hint", recipient_hint={})

    for hint in ({"email": "bob@example.com"}, {"user_id": desk.user_id("bob")}, {"display_hint": "Bob"}):
        accept(api, desk, recipient_hint=hint)


# Links

ODD_LINKS = {
    "another scheme": [
        "http://git.example.com/",
        "HTTP://git.example.com/",
        "ftp://git.example.com/",
        "javascript:alert(document.domain)",
        "data:text/html,<script>alert(1)</script>",
    ],
    "not absolute": ["", "//git.example.com/", "/acme/widget-pro", "git.example.com"],
    "too few slashes": ["https:git.example.com", "https:/git.example.com"],
    "no host": ["https://", "https:///git.example.com", "https://?next=git.example.com", "https://#git.example.com"],
    "white space": [
        " https://git.example.com/",
        "https://git.example.com/ ",
        "https://git.example.com/a b",
        "https://git.example.com/\r\nX-Injected: 1",
        "https://git\t.example.com/",
    ],
    "a backslash": ["https://git.example.com\\@evil.example", "https:\\\\git.example.com"],
    "a user": [
        "https://alice:hunter2@git.example.com/",
        "https://alice@git.example.com/",
        "https://:hunter2@a.example",
    ],
    "malformed": [
        "https://git.example.com:65536/",
        "https://git.example.com:port/",
        "https://[::1/",
        "https://1.2.3.4.5/",
    ],
}
INNER_HOSTS = {
    "localhost": [
        "localhost",
        "LocalHost",
        "localhost.",
        "localhost:8443",
        "api.localhost",
        "%6cocalhost",
        "ｌｏｃａｌｈｏｓｔ",
    ],
    "loopback": [
        "127.0.0.1",
        "127.0.0.1.",
        "127.255.255.254",
        "127.1",
        "0.0.0.0",
        "0",
        "[::1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
    ],
    "private": ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "[fc00::1]", "[fd00:ec2::254]", "[fec0::1]"],
    "link-local": ["169.254.169.254", "169.254.0.1", "[fe80::1]", "[febf::1]"],
    "CGNAT": ["100.64.0.1", "100.100.100.200", "100.127.255.255"],
    "reserved": [
        "198.18.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "[ff02::1]",
        "[2001:db8::1]",
    ],
    "for protocols": ["192.0.0.1", "192.0.0.8", "192.0.0.170", "192.0.0.192"],
    "decimal": ["2130706433", "2852039166", "3232235777", "167772161"],
    "hexadecimal": ["0x7f000001", "0x7f.0.0.1", "0X7F.1", "0xa9fea9fe", "0xA.0.0.1"],
    "octal": ["017700000001", "0177.0.0.01", "0251.0376.0251.0376", "012.1"],
    "full-width": ["１２７.０.０.１", "127。0。0。1", "%31%32%37.0.0.1", "２１３０７０６４３３"],
    "IPv4-mapped": ["[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]", "[::127.0.0.1]", "[::ffff:0:10.0.0.1]"],
    "NAT64": ["[64:ff9b::7f00:1]", "[64:ff9b::169.254.169.254]", "[64:ff9b:1::a9fe:a9fe]"],
    "tunnelled": ["[2002:7f00:1::]", "[2002:a9fe:a9fe::1]", "[2001:0:7f00:1::]"],
}


def linking(urls: Sequence[str]) -> tuple[dict[str, Any], set[str]]:
    """Members of an event that name up to four `urls` wherever an event may, and the paths of these places."""
    paths = {f"actions.{index}.{member}" for index in range(len(urls)) for member in ("url", "webhook_url")}
    actions = [button(url=url, webhook_url=url) for url in urls]
    return {"external_url": urls[0], "actions": actions}, paths | {"external_url"}


def fours(urls: Sequence[str]) -> list[Sequence[str]]:
    """All of `urls`, at most four at a time: as many as an event may have buttons."""
    return [urls[start : start + 4] for start in range(0, len(urls), 4)]


@pytest.mark.parametrize("urls", ODD_LINKS.values(), ids=ODD_LINKS)
def test_a_link_is_an_https_url_without_tricks(api: Api, desk: Desk, urls: list[str]) -> None:
    for some in fours(urls):
        members, paths = linking(some)
        refuse(api, desk, paths, **members)


@pytest.mark.parametrize("hosts", INNER_HOSTS.values(), ids=INNER_HOSTS)
def test_no_link_leads_to_localhost_or_an_address_that_is_not_global(api: Api, desk: Desk, hosts: list[str]) -> None:
    for some in fours([f"https://{host}/hook" for host in hosts]):
        members, paths = linking(some)
        refuse(api, desk, paths, **members)


def test_public_https_links_are_kept_as_they_were_written(api: Api, desk: Desk) -> None:
    for some in fours(
        [
            "https://git.example.com",
            "https://git.example.com:8443/a/b?c=d#e",
            "https://8.8.8.8/",
            "https://[2606:4700:4700::1111]/",
            "https://例子.测试/路径",
            "https://localhost.example.com/127.0.0.1?at=localhost",
        ]
    ):
        told = accept(api, desk, **linking(some)[0])
        assert told["externalUrl"] == some[0]
        assert [[each["url"], each["webhookUrl"]] for each in told["actions"]] == [[url, url] for url in some]


@pytest.mark.parametrize(
    "tail",
    [
        f"?token={SECRET}",
        f"?page=2&access_token={SECRET}",
        f"?page=2;access_token={SECRET}",
        f"?Access-Token={SECRET}",
        f"?api_key={SECRET}",
        f"?apikey={SECRET}",
        f"?X-Api-Key={SECRET}",
        f"?key={SECRET}",
        f"?client_secret={SECRET}",
        f"?password={SECRET}",
        f"?PASSWD={SECRET}",
        f"?sig={SECRET}",
        f"?X-Amz-Signature={SECRET}",
        f"?X-Amz-Security-Token={SECRET}",
        f"?jwt={SECRET}",
        f"?auth={SECRET}",
        f"?session={SECRET}",
        f"?%74oken={SECRET}",
        f"?t%6Fken%5B%5D={SECRET}",
        f"?token=&page={SECRET}",
        f"#access_token={SECRET}",
        f"#state=1&id_token={SECRET}",
        f"#/callback?access_token={SECRET}",
        f"#access_token={SECRET}?page=2",
        f"#page=2;access_token={SECRET}",
        f"#/reset/{SECRET}/token=1",
    ],
)
def test_an_external_url_carries_no_credentials_and_the_refusal_repeats_none(api: Api, desk: Desk, tail: str) -> None:
    answer = refuse(api, desk, "external_url", external_url=f"https://git.example.com/{tail}")

    assert SECRET not in answer.text


def test_an_external_url_may_carry_other_parameters(api: Api, desk: Desk) -> None:
    url = "https://git.example.com/token/secret?q=token&monkey=1&keyboard=qwerty&page=2#comments"
    assert accept(api, desk, external_url=url)["externalUrl"] == url


def test_an_anchor_is_no_parameter(api: Api, desk: Desk) -> None:
    accept(api, desk, external_url="https://docs.example.com/settings#api-key")


# When it occurred


@pytest.mark.parametrize(
    "occurred_at",
    [
        "",
        "hunter2",
        "now",
        "yesterday",
        "2026-05-22",
        "2026-05-22T10:00:00",
        "2026-05-22T10:00:00.000",
        "2026-05-22T10:00Z",
        "2026-05-22T10:00:00 Z",
        "2026-05-22 10:00:00Z",
        "2026-05-22T10:00:00+0800",
        "2026-05-22T10:00:00+08",
        "2026-05-22T10:00:00,5Z",
        "2026-05-22T10:00:00.Z",
        "2026-05-22T10:00:00Z\n",
        " 2026-05-22T10:00:00Z",
        "2026-05-22T24:00:00Z",
        "2026-05-22T10:60:00Z",
        "2026-05-22T10:00:00+24:00",
        "2026-02-30T10:00:00Z",
        "2026-13-01T10:00:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "20260522T100000Z",
        "2026-W21-5T10:00:00Z",
        "+2026-05-22T10:00:00Z",
        "２０２６-05-21T10:00:00Z",
        "Thu, 22 May 2026 10:00:00 GMT",
        "1779357600",
        1779357600,
        1779357600.5,
        1779357600000,
        ["2026-05-22T10:00:00Z"],
    ],
    ids=ascii,
)
def test_the_time_is_a_date_time_with_an_offset(api: Api, desk: Desk, occurred_at: object) -> None:
    refuse(api, desk, "occurred_at", occurred_at=occurred_at)


def test_the_time_may_be_written_in_every_way_of_rfc_3339(api: Api, desk: Desk) -> None:
    with time_machine.travel(datetime(2026, 5, 21, 10, 0, 30, tzinfo=UTC), tick=False):
        for written in (
            "2026-05-21T10:00:00Z",
            "2026-05-21t10:00:00z",
            "2026-05-21T18:00:00+08:00",
            "2026-05-21T04:30:00-05:30",
            "2026-05-21T10:00:00-00:00",
            "2026-05-22T09:59:00+23:59",
            "2026-05-21T10:00:00.0Z",
            "2026-05-21T10:00:00.000000000001Z",
        ):
            assert accept(api, desk, occurred_at=written)["occurredAt"] == "2026-05-21T10:00:00.000Z", written


@pytest.mark.parametrize("offset", ["+05:60", "+00:99", "-01:75"])
def test_an_offset_has_minutes_below_sixty(api: Api, desk: Desk, offset: str) -> None:
    ahead = timedelta(hours=int(offset[1:3]), minutes=int(offset[4:]))
    local = datetime.now(UTC) + (ahead if offset[0] == "+" else -ahead)  # read leniently, it is now

    answer = api.post(EVENTS, inputs.new_event(occurred_at=f"{local:%Y-%m-%dT%H:%M:%S}{offset}"), desk.bob)

    assert "Must be a date-time" in refused(answer).json["detail"]


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=8)), timezone(timedelta(hours=-11))], ids=str)
def test_exactly_a_day_ago_and_exactly_five_minutes_ahead_are_allowed(api: Api, desk: Desk, zone: timezone) -> None:
    now = datetime.now(UTC).replace(microsecond=123_000)
    with time_machine.travel(now, tick=False):
        for edge in (now - timedelta(hours=24), now + timedelta(minutes=5)):
            told = accept(api, desk, occurred_at=edge.astimezone(zone).isoformat())
            assert datetime.fromisoformat(told["occurredAt"]) == edge


@pytest.mark.parametrize(
    ("beyond", "miss"),
    [
        (timedelta(milliseconds=1), "0.001 s"),
        (timedelta(seconds=1), "1.000 s"),
        (timedelta(hours=1, milliseconds=250), "3600.250 s"),
        (timedelta(days=300), "25920000.000 s"),
    ],
    ids=str,
)
def test_time_beyond_the_window_is_refused_with_the_difference(
    api: Api, desk: Desk, beyond: timedelta, miss: str
) -> None:
    now = datetime.now(UTC).replace(microsecond=123_000)
    with time_machine.travel(now, tick=False):
        for occurred, direction in (
            (now - timedelta(hours=24) - beyond, "older than the 24 hours"),
            (now + timedelta(minutes=5) + beyond, "beyond the 5 minutes"),
        ):
            answer = refuse(api, desk, "occurred_at", occurred_at=occurred.isoformat())
            (reason,) = answer.json["fieldErrors"]["occurred_at"]
            assert f" {miss} {direction}" in reason


def test_a_microsecond_beyond_the_window_is_refused(api: Api, desk: Desk) -> None:
    now = datetime.now(UTC)
    with time_machine.travel(now, tick=False):
        for occurred in (
            now - timedelta(hours=24, microseconds=1),
            now + timedelta(minutes=5, microseconds=1),
        ):
            refuse(api, desk, "occurred_at", occurred_at=occurred.isoformat())


def test_the_ends_of_the_calendar_are_outside_the_window(api: Api, desk: Desk) -> None:
    for written in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"):
        refuse(api, desk, "occurred_at", occurred_at=written)


# The sender's namespace


@pytest.mark.parametrize(
    "event_type",
    [
        "hr.offer.sent",
        "FD1.repo.access_granted",
        "fd1",
        "fd12.repo.access_granted",
        "fd1-repo.access_granted",
        "xfd1.repo.access_granted",
        " fd1.repo.access_granted",
        "ｆｄ1.repo.access_granted",
        "repo.fd1.access_granted",
    ],
    ids=ascii,
)
def test_an_event_type_outside_the_senders_namespace_is_refused(api: Api, desk: Desk, event_type: str) -> None:
    answer = refuse(api, desk, "event_type", event_type=event_type)

    assert answer.json["fieldErrors"] == {"event_type": ['must start with "fd1."']}


@pytest.mark.parametrize(
    "rest",
    [
        ".",
        "a.",
        ".a",
        "a..b",
        "a.b.",
        " a.b",
        "a. b",
        "a.b\n",
        "a.b/c",
        "a.ä",
        "a.日本",
        "a.１",
        "a.b\u200b",
        "a:b",
        "a b",
    ],
    ids=ascii,
)
def test_an_event_type_has_well_formed_names_after_the_prefix(api: Api, desk: Desk, rest: str) -> None:
    answer = refuse(api, desk, "event_type", event_type=f"fd1.{rest}")

    assert answer.json["fieldErrors"] == {
        "event_type": ['after "fd1." must have names of letters, digits, _ and -, separated by single dots']
    }


@pytest.mark.parametrize("rest", ["a.b", "A-1.b_2", "repo.access.granted", "-._", "0.0.0"])
def test_an_event_type_has_two_or_more_names_after_the_prefix(api: Api, desk: Desk, rest: str) -> None:
    assert accept(api, desk, event_type=f"fd1.{rest}")["eventType"] == f"fd1.{rest}"


def test_an_event_type_of_one_name_after_the_prefix_is_refused(api: Api, desk: Desk) -> None:
    answer = refuse(api, desk, "event_type", event_type="fd1.failed")

    assert answer.json["fieldErrors"]["event_type"] == [
        'after "fd1." must have at least an entity and an action, such as "fd1.build.failed"'
    ]
    assert api.post(EVENTS, inputs.new_event(event_type="fd1."), desk.alice).status == 400


def test_each_sender_has_the_namespace_of_its_integrator(api: Api, desk: Desk) -> None:
    answer = api.post(EVENTS, inputs.new_event(), desk.moderated)

    assert answer.status == 400
    assert answer.json["fieldErrors"] == {"event_type": ['must start with "hr."']}


# The body as such


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" \n",
        b"{",
        b'{"title": "hunter2-correct-horse"',
        b"title=hunter2-correct-horse",
        b"{'title': 'hunter2-correct-horse'}",
        b'{"title": "hunter2-correct-horse",}',
        b'{"title": "hunter2-correct-horse"} {}',
        b'{"title": "hunter2-correct-horse"} // comment',
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\x00}\x00",
    ],
    ids=ascii,
)
def test_a_body_that_is_not_json_is_refused(api: Api, desk: Desk, raw: bytes) -> None:
    answer = refused(api.post(EVENTS, token=desk.alice, raw=raw))

    assert answer.json["detail"] == "The body is not valid JSON."
    assert SECRET not in answer.text


@pytest.mark.parametrize(
    "raw",
    [b"[]", b'[{"title": "hunter2-correct-horse"}]', b'"hunter2-correct-horse"', b"8675309", b"true", b"null"],
    ids=ascii,
)
def test_a_body_that_is_no_object_is_refused(api: Api, desk: Desk, raw: bytes) -> None:
    answer = refused(api.post(EVENTS, token=desk.alice, raw=raw))

    assert answer.json["detail"] == "The body must be a JSON object."
    assert SECRET not in answer.text
    assert "8675309" not in answer.text


def test_an_empty_object_lacks_every_required_member(api: Api, desk: Desk) -> None:
    answer = refused(api.post(EVENTS, {}, desk.alice))

    assert answer.json["fieldErrors"] == {member: ["is required"] for member in REQUIRED}


@pytest.mark.parametrize(
    "bad", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xe4\xb8"], ids=ascii
)
def test_text_that_is_not_utf_8_is_refused(api: Api, desk: Desk, bad: bytes) -> None:
    raw = spliced('"summary":"@@"').replace(b"@@", b"hunter2" + bad)

    assert "hunter2" not in refused(api.post(EVENTS, token=desk.alice, raw=raw)).text


@pytest.mark.parametrize(
    "member",
    [
        '"summary":NaN',
        '"summary":Infinity',
        '"summary":-Infinity',
        '"labels":{"load":NaN}',
        '"extra":[1,Infinity]',
        r'"summary":"\ud800"',
        r'"summary":"\udc00 hunter2"',
        r'"summary":"\ude00\ud83d"',
        r'"labels":{"repo":"\ud83d"}',
        r'"labels":{"\ud83d":"repo"}',
        r'"\ud83d":1',
        r'"summary":"\u0000"',
        r'"markdown_body":"hunter2\u0000hunter2"',
        r'"summary":"\\\u0000"',
        r'"labels":{"repo":"\u0000"}',
        r'"labels":{"\u0000":"repo"}',
        r'"actions":[{"label":"\u0000","action_type":"url","url":"https://git.example.com"}]',
        '"summary":"\x00"',
        '"summary":"two\nlines"',
        '"summary":"\\x41"',
        '"summary":"\\u12"',
        '"summary":' + "9" * 5000,
    ],
    ids=lambda member: ascii(member[:60]),
)
def test_text_that_json_or_the_store_cannot_hold_is_refused(api: Api, desk: Desk, member: str) -> None:
    answer = refused(api.post(EVENTS, token=desk.alice, raw=spliced(member)))

    assert "hunter2" not in answer.text


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"\\u0000", r"\u0000"),
        (r"\\\\u0000", r"\\u0000"),
        (r"\\ud800", r"\ud800"),
        ("NaN and Infinity", "NaN and Infinity"),
        (r"NaN \\u0000", r"NaN \u0000"),
        (r"\ud83d\ude00", "😀"),
        (r"\u0001\u001f\u007f", "\x01\x1f\x7f"),
        (r"\u2028\ufeff\uffff", "\u2028\ufeff\uffff"),
        (r"\/\"\\\n", '/"\\\n'),
    ],
    ids=ascii,
)
def test_text_similar_to_refused_text_is_accepted(api: Api, desk: Desk, written: str, meant: str) -> None:
    answer = api.post(EVENTS, token=desk.bob, raw=spliced(f'"summary":"{written}"'))

    assert (answer.status, answer.json["summary"]) == (202, meant)


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 10_000 + b"]" * 10_000,
        b"[" * 10_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b'{"a":' * 10_000 + b"NaN" + b"}" * 10_000,
        spliced('"labels":' + '{"a":' * 10_000 + "1" + "}" * 10_000),
        spliced('"actions":' + "[" * 10_000 + "]" * 10_000),
        spliced('"extra":' + "[" * 10_000 + r'"\u0000"' + "]" * 10_000),
    ],
    ids=["arrays", "unclosed arrays", "objects", "objects around NaN", "labels", "actions", "an unknown member"],
)
def test_a_body_nested_ten_thousand_deep_is_refused(api: Api, desk: Desk, raw: bytes) -> None:
    refused(api.post(EVENTS, token=desk.alice, raw=raw))


@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "text/json",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "application/x-ndjson",
        "text/plain; application/json",
        "json",
        "",
    ],
)
def test_a_body_of_another_media_type_is_not_read(api: Api, desk: Desk, media_type: str) -> None:
    raw = json.dumps(inputs.new_event(title=SECRET))
    answer = api.post(EVENTS, token=desk.alice, raw=raw, headers={"Content-Type": media_type})

    assert (answer.status, answer.json["code"]) == (415, "unsupported_media_type")
    assert SECRET not in answer.text


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "Application/JSON",
        "application/vnd.fluxdesk.event+json",
    ],
)
def test_json_may_be_declared_with_its_charset_and_in_any_case(api: Api, desk: Desk, media_type: str) -> None:
    answer = api.post(EVENTS, inputs.new_event(title="标题"), desk.bob, headers={"Content-Type": media_type})

    assert (answer.status, answer.json["title"]) == (202, "标题")


# Size


def padded(size: int, **overrides: Any) -> bytes:
    body = json.dumps(inputs.new_event(**overrides), ensure_ascii=False).encode()
    return body + b" " * (size - len(body))


def test_a_body_of_262144_bytes_is_allowed(api: Api, desk: Desk) -> None:
    raw = padded(LARGEST_BODY)
    headers = {"Content-Length": str(LARGEST_BODY)}

    assert len(raw) == LARGEST_BODY
    assert api.post(EVENTS, token=desk.bob, raw=raw, headers=headers).status == 202


@pytest.mark.parametrize("character", ["a", "é", "中", "😀"], ids=ascii)
def test_a_body_of_262144_bytes_is_kept_whatever_it_is_made_of(api: Api, desk: Desk, character: str) -> None:
    text = character * 8000

    answer = api.post(EVENTS, token=desk.bob, raw=padded(LARGEST_BODY, markdown_body=text))

    assert answer.status == 202
    assert api.get(f"{EVENTS}/{answer.json['deliveryId']}", desk.bob).json["markdownBody"] == text


@pytest.mark.parametrize("known", [True, False], ids=["with a token", "without a token"])
def test_a_body_of_one_byte_more_is_too_large(api: Api, desk: Desk, known: bool) -> None:
    token = desk.alice if known else None
    characters = "中" * (LARGEST_BODY // 3 + 1)
    for raw in (padded(LARGEST_BODY + 1), b"x" * (LARGEST_BODY + 1), characters, b"\x00" * 1_000_000):
        answer = api.post(EVENTS, token=token, raw=raw)

        assert (answer.status, answer.json["code"]) == (413, "payload_too_large")
        assert answer.calls == []


@pytest.mark.parametrize("known", [True, False], ids=["with a token", "without a token"])
@pytest.mark.parametrize("declared", ["262145", "10000000000", "9" * 30])
def test_a_body_declared_larger_is_too_large(api: Api, desk: Desk, declared: str, known: bool) -> None:
    token = desk.alice if known else None

    answer = api.post(EVENTS, inputs.new_event(), token, headers={"Content-Length": declared})

    assert answer.status == 413
    assert answer.calls == []


# What comes of a refused event


def test_caller_who_may_not_publish_learns_nothing_about_the_event(api: Api, desk: Desk) -> None:
    for token, status in (
        (None, 401),
        ("hunter2", 401),
        (desk.alice[:-1], 401),
        (desk.fd1, 403),
        (desk.alice_key, 403),
    ):
        answers = [
            api.post(EVENTS, inputs.new_event(), token),
            api.post(EVENTS, {"title": SECRET}, token),
            api.post(EVENTS, token=token, raw=b"{"),
            api.post(EVENTS, token=token, raw=b"{}", headers={"Content-Type": "text/plain"}),
        ]
        assert [answer.status for answer in answers] == [status] * len(answers)
        assert len({answer.json["detail"] for answer in answers}) == 1
        assert all("fieldErrors" not in answer.json for answer in answers)


def test_a_refused_event_changes_nothing(api: Api, desk: Desk) -> None:
    newcomer = desk.personal(daily_limit=1)
    event, known = inputs.new_event(), inputs.new_event()
    delivery = api.post(EVENTS, known, desk.bob).json["deliveryId"]
    inbox = api.get("/api/v1/inbox", desk.alice_key).json["items"]
    flaws: list[dict[str, Any]] = [
        {"title": ""},
        {"recipient": {"type": "email", "value": "bob@example.com"}},
        {"event_type": "hr.offer.sent"},
        {"occurred_at": inputs.ago(hours=25)},
        {"external_url": "https://127.0.0.1/"},
        {"actions": [{"label": "Call", "action_type": "webhook"}]},
    ]
    for flaw in flaws:
        refused(api.post(EVENTS, event | flaw, newcomer))
        refused(api.post(EVENTS, event | flaw, desk.alice))
        refused(api.post(EVENTS, known | flaw, desk.bob))

    assert api.get("/api/v1/inbox", desk.alice_key).json["items"] == inbox
    assert api.get(f"{EVENTS}/{delivery}", desk.bob).json["fireCount"] == 1
    first = api.post(EVENTS, event, newcomer)
    assert first.status == 202
    assert (first.json["fireCount"], first.json["deduped"]) == (1, False)


def test_a_refused_event_under_an_idempotency_key_leaves_the_key_unused(api: Api, desk: Desk) -> None:
    event = inputs.new_event()
    assert api.post(EVENTS, event | {"title": ""}, desk.bob, key="retry-1").status == 400
    assert api.post(EVENTS, event | {"event_type": "hr.offer.sent"}, desk.bob, key="retry-1").status == 400

    assert api.post(EVENTS, event, desk.bob, key="retry-1").status == 202


def test_a_refused_event_costs_one_unit_of_the_minute(api: Api, desk: Desk) -> None:
    token = desk.personal(grant_id=desk.user_id("erin"), user_id=desk.user_id("erin"))
    bodies: list[Any] = [
        {},
        inputs.new_event(title=""),
        inputs.new_event(event_type="hr.offer.sent", severity="warn"),
        [],
    ]
    with time_machine.travel(datetime.now(UTC).replace(second=30), tick=False):
        left = [int(api.post(EVENTS, body, token).headers["x-ratelimit-remaining"]) for body in bodies]

    assert [before - after for before, after in pairwise(left)] == [1, 1, 1]
