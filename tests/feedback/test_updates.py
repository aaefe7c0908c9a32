"""The updates feed: what it shows, to whom, and for how long it may be kept."""

from pathlib import Path
from typing import Any

import pytest

from chalicelib.feedback.domain.updates import Update, UpdatesQuery, asked_for, parse_update
from chalicelib.feedback.stores.updates import PackagedUpdates
from tests.support.api import Api

pytestmark = pytest.mark.engine("embedded")

UPDATES = "/api/v2/updates"
FOLDER = Path(__file__).parents[2] / "chalicelib" / "updates"


def entry(**members: str) -> Update:
    named = {"title": "T", "date": "2026-05-01", "tags": "api"} | members
    lines = "\n".join(f"{name}: {value}" for name, value in named.items())
    return parse_update(named.pop("slug", "slug"), f"---\n{lines}\n---\n\nText.\n")


ENTRIES = [
    entry(title="c", date="2026-05-03", tags="API, Bulk", time="14:30"),
    entry(title="b", date="2026-05-02", tags="apis", subtitle="More"),
    entry(title="a", date="2026-05-01", tags="bulk,api"),
]


def titles(**query: Any) -> str:
    return "".join(each.title for each in asked_for(UpdatesQuery(**query), ENTRIES).updates)


def test_the_feed_is_public_bare_newest_first_and_takes_no_store_call(api: Api) -> None:
    reply = api.get(UPDATES)
    assert (reply.status, reply.calls) == (200, [])
    assert set(reply.json) == {"updates", "total", "returned", "source", "generatedAt"}
    assert reply.json["total"] == reply.json["returned"] == len(list(FOLDER.glob("*.md"))) >= 3
    assert reply.json["source"] == "fluxden"
    moments = [f"{each['date']}T{each.get('time', '00:00')}:00.000Z" for each in reply.json["updates"]]
    assert moments == sorted(moments, reverse=True)
    assert reply.json["generatedAt"] == moments[0]
    assert {each["id"] for each in reply.json["updates"]} == {path.stem for path in FOLDER.glob("*.md")}


def test_an_entry_shows_what_its_file_says_and_leaves_out_what_it_does_not(api: Api) -> None:
    found = {each["id"]: each for each in api.get(UPDATES).json["updates"]}
    assert found["bulk"]["title"] == "One event to a thousand people"
    assert found["bulk"]["subtitle"] == "Bulk publishing claims missing tokens"
    assert found["bulk"]["tags"] == ["events", "bulk", "tokens"]
    assert found["bulk"]["content"].startswith("`POST /api/v1/events/bulk`")
    assert "subtitle" not in found["callbacks"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, "cba"),
        ({"limit": 2}, "cb"),
        ({"limit": 200}, "cba"),
        ({"limit": 10**30}, "cba"),
        ({"since": "2026-05-01"}, "cb"),
        ({"since": "2026-05-02"}, "c"),
        ({"since": "2026-05-03"}, ""),
        ({"since": "2026-05-02T00:00:00Z"}, "c"),
        ({"since": "2026-05-02T23:59:59Z"}, "c"),
        ({"since": "2026-05-02T23:30:00-02:00"}, ""),
        ({"since": ""}, "cba"),
        ({"tag": "api"}, "ca"),
        ({"tag": "BULK"}, "ca"),
        ({"tag": " bulk "}, "ca"),
        ({"tag": "ap"}, ""),
        ({"tag": ""}, "cba"),
        ({"tag": "api", "since": "2026-05-01", "limit": 1}, "c"),
    ],
)
def test_entries_are_chosen_by_day_then_tag_then_number(query: dict[str, Any], found: str) -> None:
    assert titles(**query) == found
    page = asked_for(UpdatesQuery(**query), ENTRIES)
    assert (page.total, page.returned, page.generated_at) == (3, len(found), "2026-05-03T14:30:00.000Z")


@pytest.mark.parametrize("limit", ["0", "-1", "ten", "10abc", "1.5", "", "9" * 5000])
def test_a_limit_that_is_no_number_above_zero_is_refused(api: Api, limit: str) -> None:
    reply = api.get(f"{UPDATES}?limit={limit}")
    assert reply.status == 400
    assert reply.json["success"] is False
    assert reply.json["error"].startswith("limit")
    assert reply.headers["access-control-allow-origin"] == "*"
    assert reply.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("since", ["lately", "2026-13-40", "2026-05-02T10:00:00", "0", "9999-12-31T23:59:59-01:00"])
def test_a_day_that_is_none_is_refused(api: Api, since: str) -> None:
    reply = api.get(f"{UPDATES}?since={since}")
    assert (reply.status, reply.json["success"]) == (400, False)
    assert reply.json["error"] == "since: Must be a day or a date-time with offset, such as 2026-05-21"


def test_a_limit_above_the_most_means_the_most(api: Api) -> None:
    assert api.get(f"{UPDATES}?limit=100000").json == api.get(UPDATES).json


def test_each_query_has_a_tag_of_its_own_that_holds(api: Api) -> None:
    everything, one = api.get(UPDATES), api.get(f"{UPDATES}?limit=1")
    assert everything.headers["etag"] != one.headers["etag"]
    assert everything.headers["cache-control"] == "public, max-age=300"
    again = api.get(f"{UPDATES}?limit=1", headers={"If-None-Match": one.headers["etag"]})
    assert (again.status, again.text) == (304, "")
    assert api.get(UPDATES, headers={"If-None-Match": one.headers["etag"]}).status == 200


@pytest.mark.parametrize(
    "text",
    [
        "",
        "title: T\n",
        "---\ntitle: T\ndate: 2026-05-01\ntags: a\nText.",
        "---\ntitle: T\ndate: yesterday\ntags: a\n---\nText.",
        "---\ntitle: T\ndate: 2026-05-01\ntags: ,\n---\nText.",
        "---\ntitle: T\ndate: 2026-05-01\ntags: a\ntime: 25:00\n---\nText.",
        "---\ntitle: T\ndate: 2026-05-01\ntags: a\nauthor: me\n---\nText.",
        "---\ntitle: T\ndate: 2026-05-01\ntags: a\n---\n",
        "---\ndate: 2026-05-01\ntags: a\n---\nText.",
    ],
)
def test_a_file_that_is_no_entry_is_not_shipped(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_update("slug", text)


def test_entries_of_one_moment_keep_one_order() -> None:
    assert PackagedUpdates().list_updates() == PackagedUpdates().list_updates()
