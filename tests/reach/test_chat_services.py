"""The chat services that can be added, and what their plugins of Apprise may do."""

import ast
from importlib import import_module
from inspect import getsource
from pathlib import Path

import pytest

from chalicelib.reach.gateways.chat import check_chat
from chalicelib.reach.gateways.chat_services import SERVICES, ChatService
from chalicelib.reach.gateways.guarded_requests import GuardedRequests
from tests.support.chat_urls import URLS

# What a plugin may load. The law below lets none in that could make a request without `requests`.
HARMLESS = {
    "__future__",
    "base64",
    "binascii",
    "contextlib",
    "copy",
    "datetime",
    "gzip",
    "hashlib",
    "hmac",
    "html",
    "io",
    "itertools",
    "json",
    "json.decoder",
    "logging",
    "os",
    "os.path",
    "re",
    "requests",
    "time",
    "typing",
    "unicodedata",
    "urllib.parse",
    "uuid",
}


@pytest.mark.parametrize("service", SERVICES, ids=lambda each: each.name)
def test_a_plugin_makes_its_requests_by_the_guard_alone(service: ChatService) -> None:
    """Every import of its module is of Apprise or harmless, and what it calls `requests` is the guard."""
    check_chat(URLS[service.name][0])
    module = import_module(f"apprise.plugins.{service.module}")
    assert isinstance(module.requests, GuardedRequests)
    for node in ast.walk(ast.parse(getsource(module))):
        if isinstance(node, ast.Import):
            assert {each.name for each in node.names} <= HARMLESS
        elif isinstance(node, ast.ImportFrom) and not node.level:
            assert node.module in HARMLESS - {"requests"} or str(node.module).startswith("cryptography."), node.module
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "requests":
            assert hasattr(GuardedRequests, node.attr), node.attr


def test_every_service_has_an_example() -> None:
    assert sorted(URLS) == sorted(each.name for each in SERVICES)


def test_the_page_has_every_service() -> None:
    page = (Path(__file__).parents[2] / "docs" / "channels.md").read_text(encoding="utf-8")
    for each in SERVICES:
        assert f"| `{each.schemes[-1]}://` |" in page
        assert not each.sites or f"{each.sites[0]}/" in page
