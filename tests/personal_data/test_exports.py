"""A person's export has everything that is theirs, page by page, and no secret."""

import json
import re
from collections import Counter
from typing import Any

import pytest

from chalicelib.core.domain.errors import Invalid
from chalicelib.personal_data.domain.exports import (
    SECTIONS,
    ExportPage,
    Owner,
    fit,
    from_export_cursor,
    manifest_of,
    to_export_cursor,
    to_lines,
)
from chalicelib.personal_data.domain.subjects import texts_in
from chalicelib.personal_data.stores.exports import SOURCES, to_record
from chalicelib.personal_data.stores.registry import KINDS
from chalicelib.personal_data.stores.row_kinds import find_kind
from chalicelib.resources import CHAT, TOKENS
from tests.conftest import Desk
from tests.support import erasures
from tests.support.api import Api
from tests.support.sample_data import SampleData

PATH = "/api/v2/me/data"


def export(api: Api, key: str) -> dict[str, list[dict[str, Any]]]:
    """Read the whole export, section by section."""
    found: dict[str, list[dict[str, Any]]] = {}
    cursor = ""
    while True:
        page = api.get(PATH + cursor, key).json["data"]
        assert page["sections"] == list(SECTIONS)
        found.setdefault(page["section"], []).extend(page["records"])
        if page["nextCursor"] is None:
            return found
        cursor = f"?cursor={page['nextCursor']}"


def give_everything(api: Api, desk: Desk) -> None:
    data = SampleData(api, desk)
    erasures.give_data(api, desk)
    data.add_relay()
    data.add_browser()
    data.sign_in()
    data.create("/api/v2/feedback", {"message": "Good."})
    assert api.call("PATCH", "/api/v2/profile", {"headline": "Builder"}, token=desk.bob_key).status == 200


def test_an_export_has_every_row_that_is_the_persons_own(api: Api, desk: Desk) -> None:
    give_everything(api, desk)
    SampleData(api, desk).add_standing_approval()
    SampleData(api, desk).delegate()
    SampleData(api, desk).add_ingest_token()
    SampleData(api, desk).add_channel()
    bob, stored = desk.user_id("bob"), Counter[str]()
    for table, row in erasures.rows():
        kind = find_kind(KINDS, table, row)
        # Of a delegation both people have a row.
        is_others = kind is not None and kind.data == "delegations" and row["pk"] != bob
        if (
            kind
            and kind.exported
            and kind.belongs_to(row, bob, erasures.BOB)
            and kind.data not in ("clicks", "messages to channels")
            and not is_others
        ):
            stored[kind.exported] += 1
    exported = export(api, desk.bob_key)
    assert list(exported) == list(SECTIONS)
    assert {name: len(records) for name, records in exported.items() if records} == stored
    assert set(SECTIONS) - stored.keys() == {"passkeys"}


def test_every_section_is_of_declared_kinds() -> None:
    assert {kind.exported for kind in KINDS if kind.exported} == set(SECTIONS) == SOURCES.keys()


def test_an_export_has_what_the_person_wrote(api: Api, desk: Desk) -> None:
    give_everything(api, desk)
    exported = export(api, desk.bob_key)
    assert "I am Bob." in [each["content"] for each in exported["chat"]]
    (delivery,) = exported["deliveries"]
    assert delivery["content"]["labels"]
    assert (delivery["clicks"], delivery["supplements"]) == ([], [])
    assert exported["connections"][0]["peerUrl"].startswith("https://")
    assert {"name": "Bob", "email": erasures.BOB}.items() <= exported["account"][-1].items()


def test_no_secret_and_no_hash_is_in_an_export(api: Api, desk: Desk) -> None:
    give_everything(api, desk)
    text = json.dumps(export(api, desk.bob_key))
    assert not re.search(r"\b[0-9a-f]{64}\b", text)
    assert not re.search(r"hash|secret|sealed|endpoint|https://push", text, re.IGNORECASE)
    for _, row in erasures.rows():
        for name in row.keys() & {"hash", "secretHash", "token", "tokenHash", "privateKey", "publicKey"}:
            for each in texts_in(row[name]):
                assert each not in text, name


def test_pages_follow_each_other(api: Api, desk: Desk) -> None:
    data = SampleData(api, desk)
    for number in range(45):
        data.create("/api/v2/shared-chat/send", {"content": f"message {number}"})
        if number < 43:
            data.add_delivery()
    exported = export(api, desk.bob_key)
    assert [each["content"] for each in exported["chat"]] == [f"message {number}" for number in range(45)]
    assert len({each["id"] for each in exported["deliveries"]}) == 43


@pytest.mark.parametrize("cursor", ["x", "W10", "e30"])
def test_a_cursor_that_is_none_is_refused(api: Api, desk: Desk, cursor: str) -> None:
    assert api.get(f"{PATH}?cursor={cursor}", desk.bob_key).status == 400


def test_a_cursor_of_somebody_else_is_refused(api: Api, desk: Desk) -> None:
    cursor = api.get(PATH, desk.alice_key).json["data"]["nextCursor"]
    assert api.get(f"{PATH}?cursor={cursor}", desk.bob_key).status == 400


@pytest.mark.parametrize(
    ("section", "position"),
    [("chat", ("COUNTS",)), ("tasks", ("COUNTS", "x")), ("keys", ("x",)), ("account", ("a", "b", "c"))],
)
def test_a_cursor_to_nowhere_is_refused(api: Api, desk: Desk, section: str, position: tuple[str, ...]) -> None:
    cursor = to_export_cursor(section, position, desk.user_id("bob"))
    assert api.get(f"{PATH}?cursor={cursor}", desk.bob_key).status == 400


def test_a_key_without_every_permission_exports_nothing(api: Api, desk: Desk) -> None:
    made = api.post("/api/v2/keys", {"name": "chat only", "permissions": ["chat"]}, desk.bob_key).json["data"]
    assert api.get(PATH, made["key"]).status == 403


# Rules


def test_a_cursor_keeps_its_position() -> None:
    for position in ((), ("a#b",), ("", "ü / x"), ("1", "2", "3")):
        assert from_export_cursor(to_export_cursor("chat", position, "me"), "me") == ("chat", position)
    with pytest.raises(Invalid):
        from_export_cursor(to_export_cursor("nothing", (), "me"), "me")
    assert from_export_cursor(None, "me") == (SECTIONS[0], ())


def test_a_page_is_cut_to_what_fits_into_a_reply() -> None:
    large = [((str(number),), {"text": "x" * 1_500_000}) for number in range(4)]
    cut = fit(ExportPage(large, None))
    assert (len(cut.records), cut.following) == (2, ("1",))
    one = fit(ExportPage([(("0",), {"text": "x" * 5_000_000})], None))
    assert (len(one.records), one.following) == (1, None)


def test_a_record_has_no_structure_and_no_secret() -> None:
    row = {"pk": "a", "sk": "MESSAGE#1", "metadata": '{"a": 1}', "roleKey": "x", "secretHash": "y", "tags": {"b", "a"}}
    assert to_record(SOURCES["chat"], row) == {"row": "MESSAGE#1", "metadata": {"a": 1}, "tags": ["a", "b"]}
    assert SOURCES["chat"].table == CHAT
    assert to_record(SOURCES["keys"], {"pk": "KEY#1", "expiresAt": 7, "useCount": 1}) == {"expiresAt": 7}
    assert SOURCES["keys"].table == TOKENS


def test_a_manifest_names_every_section() -> None:
    manifest = manifest_of(Owner("id", "bob@example.com"), {"chat": 2}, at="2026-03-04T05:06:07.000Z")
    assert [each["section"] for each in manifest["sections"]] == list(SECTIONS)
    assert {"section": "chat", "file": "chat.jsonl", "records": 2} in manifest["sections"]
    assert to_lines([{"a": "ü"}, {"b": 1}]) == '{"a":"ü"}\n{"b":1}\n'
