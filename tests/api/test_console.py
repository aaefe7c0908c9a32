"""The served web console: the committed build, its page and its assets. tests/browser tests its behaviour."""

import gzip
import hashlib
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urljoin
from urllib.request import urlopen

import pytest

from tests.support.api import SERVED, Api, gateway_event, invoke
from tests.support.stage_proxy import serve_stage

ROOT = Path(__file__).parents[2]
BUILT, SOURCES = ROOT / "chalicelib" / "web" / "console", ROOT / "infra" / "web"
LARGEST_SCRIPT = 150 * 1024


def manifest() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((BUILT / "manifest.json").read_text(encoding="utf-8"))
    return found


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_committed_build_matches_committed_sources() -> None:
    files = [SOURCES / name for name in ("build.mjs", "package.json", "package-lock.json", "tsconfig.json")]
    files += [path for path in (SOURCES / "src").rglob("*") if path.is_file()]
    named = sorted((path.relative_to(SOURCES).as_posix(), path) for path in files)
    lines = "".join(f"{name} {digest(path.read_bytes())}\n" for name, path in named)
    assert manifest()["sources"] == digest(lines.encode()), "run: make console"


def test_assets_are_named_by_content_hash_and_none_is_left_over() -> None:
    assets = manifest()["assets"].values()
    assert {path.name for path in BUILT.iterdir()} == {"index.html", "manifest.json", "sw.js", *assets}
    for name in assets:
        assert name.split(".")[1] == digest((BUILT / name).read_bytes())[:12]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_script_with_the_words_of_a_language_stays_within_its_size_limit(language: str) -> None:
    assets = manifest()["assets"]
    loaded = [(BUILT / assets[name]).read_bytes() for name in ("app.js", f"words-{language}.js")]
    assert sum(len(gzip.compress(each)) for each in loaded) <= LARGEST_SCRIPT


def test_page_loads_only_its_own_files(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_SOCKET_URL", "wss://sockets.example.com/prod")
    page = api.get("/")
    assert (page.status, page.headers["cache-control"], page.steps) == (200, "no-cache", 0)
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["connect-src"] == "'self' wss://sockets.example.com"
    assert policy["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"<style|style=|<script(?![^>]* src=)|\son\w+=|(?:src|href)=.(?:https?:)?//", page.text)
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(loaded) >= 4
    for path in loaded:
        assert api.get(f"/{path}").status == 200


# The stage of the API's own URL, the root of a custom domain, and a path of one.
ADDRESSES = [
    ("/desk", "/desk"),
    ("/desk", "/desk/"),
    ("", ""),
    ("", "/"),
    ("/team/a", "/team/a"),
    ("/team/a", "/team/a/"),
]


@pytest.mark.engine("embedded")
@pytest.mark.parametrize(("mount", "address"), ADDRESSES)
def test_page_loads_at_every_spelling_of_its_address(mount: str, address: str) -> None:
    with serve_stage(mount) as origin:
        with urlopen(f"{origin}{address}") as page:
            html, policy = page.read().decode(), page.headers["Content-Security-Policy"]
            base = re.search(r'<base href="([^"]+)">', html)
            home = urljoin(page.url, base[1] if base else "")
        assert ("base-uri 'self'" in policy, "base-uri 'none'" in policy) == (bool(base), not base)
        paths = [*re.findall(r'(?:src|href)="(console/[^"]+)"', html), "sw.js", "api/v1/health"]
        assert len(paths) >= 6
        for path in paths:
            with urlopen(urljoin(home, path)) as found:
                assert found.status == 200


@pytest.mark.parametrize("path", ["//evil.example", '/desk/"><script>', "/de sk", "/desk/..;", "/%22"])
def test_page_repeats_no_other_path(path: str) -> None:
    (route,) = (each for (_, found), each in SERVED.items() if found == "/")
    event = gateway_event("GET", "/", {}, None)
    event["requestContext"]["path"] = path
    page = invoke(route, event).text
    assert "<base" not in page


@pytest.mark.parametrize(
    ("stem", "media_type"),
    [
        ("app.js", "text/javascript; charset=utf-8"),
        ("style.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
        ("app.webmanifest", "application/manifest+json; charset=utf-8"),
    ],
)
def test_asset_is_cached_forever(api: Api, stem: str, media_type: str) -> None:
    answer = api.get(f"/console/{manifest()['assets'][stem]}")
    assert (answer.status, answer.headers["content-type"], answer.steps) == (200, media_type, 0)
    assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize("name", ["index.html", "manifest.json", "app.js", "..", "%2e%2e", "app.0.js"])
def test_other_files_are_not_served(api: Api, name: str) -> None:
    answer = api.get(f"/console/{name}")
    assert (answer.status, answer.json["code"]) == (404, "not_found")
