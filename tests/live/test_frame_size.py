"""Frames of any content fit into a WebSocket frame."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.live.domain.frame_size import LARGEST_FRAME, to_frame_text
from tests.conftest import Desk
from tests.support.api import Api
from tests.support.listeners import open_client, read_stream
from tests.support.pump import Pumps
from tests.support.sockets import Sockets

ID = {"id": "0" * 16, "type": "new_message", "timestamp": "2026-05-21T12:00:00.000Z"}

embedded = pytest.mark.engine("embedded")


def long_texts() -> st.SearchStrategy[str]:
    letters = st.sampled_from(["x", "é", "助", "👩‍🔧", "\x01", '"', "\\", " "])
    return st.builds(lambda letter, count: letter * count, letters, st.integers(0, 20_000))


VALUES = st.recursive(
    st.none() | st.integers() | st.booleans() | st.text(max_size=5) | long_texts(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@embedded
@given(st.dictionaries(st.text(min_size=1, max_size=8).filter(lambda name: name not in ID), VALUES, max_size=4))
def test_any_frame_fits_and_says_when_it_was_cut(members: dict[str, Any]) -> None:
    shown = ID | members
    whole = json.dumps(shown, ensure_ascii=False, separators=(",", ":"))
    text = to_frame_text(shown)
    assert len(text.encode()) <= LARGEST_FRAME
    if len(whole.encode()) <= LARGEST_FRAME:
        assert text == whole
    else:
        cut = json.loads(text)
        assert cut["truncated"] is True
        assert cut == cut | ID


@embedded
def test_the_longest_text_is_cut_and_no_more_than_needed() -> None:
    shown = ID | {"message": {"id": "m1", "content": "👩" * 10_000, "agentName": "Scout"}}
    text = to_frame_text(shown)
    cut = json.loads(text)
    assert cut["message"] | {"content": ""} == {"id": "m1", "content": "", "agentName": "Scout"}
    assert set(cut["message"]["content"]) == {"👩"}
    assert LARGEST_FRAME - 4 < len(text.encode()) <= LARGEST_FRAME


@embedded
def test_many_short_texts_are_left_out_together() -> None:
    text = to_frame_text(ID | {"title": "Kept", "labels": {f"k{number}": "x" * 200 for number in range(500)}})
    assert json.loads(text) == ID | {"title": "Kept", "labels": {}, "truncated": True}


def test_a_long_message_is_cut_for_listeners_and_read_whole(
    api: Api, desk: Desk, sockets: Sockets, pump: Pumps
) -> None:
    client = open_client(sockets, desk.alice_key, pump)
    content = "助" * 9_999 + "."
    sent = api.post("/api/v2/shared-chat/send", {"content": content}, desk.alice_key)
    assert sent.status == 201
    longer = api.post("/api/v2/shared-chat/send", {"content": "\x01" * 9_999 + "."}, desk.alice_key)
    whole, cut = client.frames[1:]
    assert (whole["message"]["content"], "truncated" in whole) == (content, False)
    assert (cut["truncated"], cut["message"]["id"]) == (True, longer.json["data"]["id"])
    assert all(len(each) <= LARGEST_FRAME for each in client.posted)
    assert read_stream(api, desk, client.frames[0]["id"])[-1] == cut, "both ways have the same events"
    listed = api.get("/api/v2/shared-chat/messages", desk.alice_key).json["data"]["messages"]
    assert len(listed[-1]["content"]) == 10_000
