"""Members of an event: what they may be, and how they read back."""

import pytest

from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api

EVENTS = "/api/v1/events"
TAGS = ["zh", "zh-Hans-CN", "de-CH-1996", "sl-rozaj-biske", "en-u-ca-gregory", "x-own", "i-klingon"]
MALFORMED_TAGS = ["", "zh_CN", "中文", "en-", "-en", "en--US", "a", "x-" + "a-" * 16 + "aa"]


@pytest.mark.parametrize("locale", TAGS)
def test_a_locale_is_a_language_tag(api: Api, desk: Desk, locale: str) -> None:
    assert api.post(EVENTS, inputs.new_event(locale=locale), desk.alice).json["locale"] == locale


@pytest.mark.parametrize("locale", MALFORMED_TAGS)
def test_another_locale_is_refused(api: Api, desk: Desk, locale: str) -> None:
    reply = api.post(EVENTS, inputs.new_event(locale=locale), desk.alice)
    assert (reply.status, list(reply.json["fieldErrors"])) == (400, ["locale"])


def test_a_label_has_a_key_of_at_most_80_characters(api: Api, desk: Desk) -> None:
    assert api.post(EVENTS, inputs.new_event(labels={"k" * 80: "v"}), desk.alice).status < 300
    assert api.post(EVENTS, inputs.new_event(labels={"k" * 81: "v"}), desk.alice).status == 400


def test_a_scheme_may_be_in_capitals(api: Api, desk: Desk) -> None:
    event = inputs.new_event(external_url="HTTPS://git.example.com/a")
    assert api.post(EVENTS, event, desk.alice).json["externalUrl"] == "HTTPS://git.example.com/a"


def test_a_body_without_rendering_is_collapsed(api: Api, desk: Desk) -> None:
    with_body = api.post(EVENTS, inputs.new_event(markdown_body="x"), desk.alice).json
    assert with_body["markdownBodyRendering"] == "collapsed"
    assert "markdownBodyRendering" not in api.post(EVENTS, inputs.new_event(), desk.alice).json
