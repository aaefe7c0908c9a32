"""Settings: defaults, what the environment may say, and what it may not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.settings import Settings, positive_integer, settings

pytestmark = pytest.mark.engine("embedded")


def read() -> Settings:
    settings.cache_clear()
    return settings()


def test_without_an_environment_the_defaults_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PERSONAL_BUDGET", "TOOLS_BUDGET", "KEY_BUDGET", "BASE_URL", "SOCKET_URL", "STREAM_HOLD_SECONDS"):
        monkeypatch.delenv(f"FLUXDEN_{name}", raising=False)
    found = read()
    assert (found.personal_budget, found.tools_budget, found.key_budget) == (120, 600, 120)
    assert (found.base_url, found.socket_url, found.stream_hold_seconds) == ("", "", 20)
    assert not found.allow_loopback


def test_settings_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read()
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", "7")
    assert settings() is found
    assert read().key_budget == 7


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "ten", " 5", "+5", "1_000", "٣", "²"])
def test_budget_that_is_no_whole_number_above_zero_is_an_error(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("FLUXDEN_KEY_BUDGET", text)
    with pytest.raises(ValueError, match="FLUXDEN_KEY_BUDGET must be a whole number above zero"):
        read()


@given(st.integers(1, 10**12), st.integers(1, 10**12))
def test_number_is_read_as_it_was_written_and_missing_or_empty_is_the_default(number: int, default: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLUXDEN_NUMBER", str(number))
        assert positive_integer("FLUXDEN_NUMBER", default) == number
        patch.setenv("FLUXDEN_NUMBER", "")
        assert positive_integer("FLUXDEN_NUMBER", default) == default
        patch.delenv("FLUXDEN_NUMBER")
        assert positive_integer("FLUXDEN_NUMBER", default) == default


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://desk.example", "https://desk.example"),
        ("https://desk.example/", "https://desk.example"),
        ("HTTPS://Desk.Example:443/a/", "https://desk.example/a"),
        ("http://desk.example:8080", "http://desk.example:8080"),
    ],
)
def test_base_url_is_normalised(monkeypatch: pytest.MonkeyPatch, text: str, url: str) -> None:
    monkeypatch.setenv("FLUXDEN_BASE_URL", text)
    assert read().base_url == url


@pytest.mark.parametrize("text", ["desk.example", "ftp://desk.example", "https://", "https://x/?a=1", "https://x/#a"])
def test_base_url_that_is_no_plain_http_url_is_an_error(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("FLUXDEN_BASE_URL", text)
    with pytest.raises(ValueError, match="FLUXDEN_BASE_URL must be an http or https URL"):
        read()


def test_loopback_is_allowed_by_the_value_1_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, allowed in (("1", True), ("true", False), ("", False), ("0", False)):
        monkeypatch.setenv("ALLOW_LOOPBACK", text)
        assert read().allow_loopback is allowed


def test_stream_is_never_held_longer_than_the_gateway_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_STREAM_HOLD_SECONDS", "600")
    assert read().stream_hold_seconds == 25
