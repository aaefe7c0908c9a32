"""The recipient's side: one's own deliveries, by page and by filter."""

import pytest

from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api

EVENTS, INBOX = "/api/v1/events", "/api/v1/inbox"


@pytest.fixture(autouse=True)
def _roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_PERSONAL_BUDGET", "100000")
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "100000")


def everything(api: Api, token: str, filters: str = "") -> list[list[str]]:
    """The ids of every page."""
    pages, cursor = [], ""
    while True:
        page = api.get(f"{INBOX}?{filters}{cursor}", token).json
        pages.append([item["deliveryId"] for item in page["items"]])
        if page["nextCursor"] is None:
            return pages
        cursor = f"&cursor={page['nextCursor']}"


def publish(api: Api, token: str, **overrides: object) -> str:
    return str(api.post(EVENTS, inputs.new_event(**overrides), token).json["deliveryId"])


def test_an_empty_inbox_is_an_empty_page(api: Api, desk: Desk) -> None:
    page = api.get(INBOX, desk.alice_key)
    assert page.json == {"items": [], "nextCursor": None, "requestId": page.headers["x-request-id"]}


def test_deliveries_are_listed_newest_first_without_gap_or_repeat(api: Api, desk: Desk) -> None:
    sent = [publish(api, desk.alice) for _ in range(12)]
    publish(api, desk.bob)

    pages = everything(api, desk.alice_key, "limit=5")
    assert [len(page) for page in pages] == [5, 5, 2]
    assert [each for page in pages for each in page] == sent[::-1]
    assert everything(api, desk.alice_key, "limit=12") == [sent[::-1]]


def test_new_deliveries_do_not_shift_later_pages(api: Api, desk: Desk) -> None:
    sent = [publish(api, desk.alice) for _ in range(4)]
    first = api.get(f"{INBOX}?limit=2", desk.alice_key).json
    publish(api, desk.alice)
    rest = api.get(f"{INBOX}?limit=2&cursor={first['nextCursor']}", desk.alice_key).json
    assert [item["deliveryId"] for item in first["items"] + rest["items"]] == sent[::-1]


def test_filters_narrow_the_list(api: Api, desk: Desk) -> None:
    plain = publish(api, desk.alice)
    warned = publish(api, desk.alice, severity="warn")
    other = publish(api, desk.alice, event_type="fd1.x.other")
    api.post(f"{EVENTS}/{warned}/resolve", None, desk.alice)

    for filters, expected in (
        ("status=all", [other, warned, plain]),
        ("status=open", [other, plain]),
        ("status=resolved", [warned]),
        ("severity=warn", [warned]),
        ("event_type=fd1.x.other", [other]),
        ("event_type=fd1.x.other&severity=warn", []),
        ("status=open&severity=info&limit=1", [other, plain]),
    ):
        assert [each for page in everything(api, desk.alice_key, filters) for each in page] == expected


def test_filter_with_few_matches_reads_a_bounded_number_of_rows(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.inbox.stores.inbox._ROWS_PER_PAGE", 3)
    oldest = publish(api, desk.alice, severity="warn")
    for _ in range(20):
        publish(api, desk.alice)
    page = api.get(f"{INBOX}?severity=warn", desk.alice_key)
    assert (page.json["items"], page.calls.count("Query")) == ([], 12)
    assert [each for found in everything(api, desk.alice_key, "severity=warn") for each in found] == [oldest]


def test_one_delivery_is_shown_in_full_to_its_recipient_only(api: Api, desk: Desk) -> None:
    sent = inputs.new_event(markdown_body="# More", labels={"a": "b"})
    delivery = api.post(EVENTS, sent, desk.alice).json["deliveryId"]
    api.post(f"{EVENTS}/{delivery}/supplement", {"markdown_body": "And more."}, desk.alice)

    shown = api.get(f"{INBOX}/{delivery}", desk.alice_key)
    assert shown.status == 200
    assert (shown.json["markdownBody"], shown.json["labels"]) == ("# More", {"a": "b"})
    assert [each["markdownBody"] for each in shown.json["supplements"]] == ["And more."]
    for path in (f"{INBOX}/{delivery}", f"{INBOX}/{inputs.uuid(1)}", f"{INBOX}/nothing"):
        assert api.get(path, desk.bob_key).status == 404


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=ten",
        "limit=",
        "limit=1&limit=2",
        "status=closed",
        "view=trash",
        "q=",
        "label=",
        "severity=fatal",
        "event_type=",
        "cursor=",
        "cursor=nonsense",
        "cursor=%00",
        "cursor=W10",
        "cursor=eyJhIjoxfQ",
        "stauts=open",
    ],
)
def test_invalid_query_is_refused_by_the_name_of_its_parameter(api: Api, desk: Desk, query: str) -> None:
    reply = api.get(f"{INBOX}?{query}", desk.alice_key)
    assert reply.status == 400
    assert list(reply.json["fieldErrors"]) == [query.partition("=")[0]]


def test_cursor_is_valid_for_its_owner_and_filters_only(api: Api, desk: Desk) -> None:
    for _ in range(3):
        publish(api, desk.alice)
        publish(api, desk.bob)
    cursor = api.get(f"{INBOX}?limit=2", desk.alice_key).json["nextCursor"]
    assert api.get(f"{INBOX}?limit=1&cursor={cursor}", desk.alice_key).status == 200
    assert api.get(f"{INBOX}?limit=2&cursor={cursor}", desk.bob_key).status == 400
    for other in ("status=open", "view=all", "q=widget", "label=repo"):
        assert api.get(f"{INBOX}?limit=2&{other}&cursor={cursor}", desk.alice_key).status == 400
