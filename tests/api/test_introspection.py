"""What needs no token: health, the document, and its browser."""

import json
import re
import tomllib
from pathlib import Path
from urllib.parse import urljoin

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

from app import app
from chalicelib.core.domain.errors import NotFound
from chalicelib.settings import VERSION
from infra import catalog, tools
from infra.editions import edition_of
from infra.local.gateway import error_response
from infra.openapi import documents
from tests.support.api import ROUTES, SERVED, Api
from tests.support.contract import whole_paths

LARGEST_PAGE = 500_000
VALIDATORS = {"3.1.0": OpenAPIV31SpecValidator, "3.0.3": OpenAPIV30SpecValidator}


def test_health_answers_without_a_store_call(api: Api) -> None:
    reply = api.get("/api/v1/health")
    assert (reply.status, reply.calls) == (200, [])
    assert reply.json == {"ok": True, "version": VERSION, "serverTime": reply.json["serverTime"]}


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_served_document_is_valid_and_describes_every_operation(api: Api, version: str) -> None:
    served = api.get(f"/api/{version}/openapi.json").json
    VALIDATORS[served["openapi"]](served).validate()
    described = {(method.upper(), path) for path, methods in whole_paths(served).items() for method in methods}
    assert described == {key for key, route in ROUTES.items() if edition_of(route.path).file.stem == version}


@pytest.mark.parametrize(
    ("path", "version"),
    [
        ("/api/v1", "v1"),
        ("/api/v1/x", "v1"),
        ("/api/v2", "v2"),
        ("/api/v2/", "v2"),
        ("/api/v2/x/y", "v2"),
        ("/api/chat", "v2"),
        ("/api/chat/mentions", "v2"),
        ("/api/marketplace/webhook", "v2"),
        ("/api/v22", "v1"),
        ("/api/chats", "v1"),
        ("/", "v1"),
        ("", "v1"),
    ],
)
def test_every_path_belongs_to_one_contract_even_if_unknown(path: str, version: str) -> None:
    assert edition_of(path).file.stem == version
    answer = error_response(NotFound("There is nothing at this path."), f"{path}?a=/api/v1")
    types = {"v1": "application/problem+json; charset=utf-8", "v2": "application/json; charset=utf-8"}
    assert (answer["statusCode"], answer["headers"]["Content-Type"]) == (404, types[version])
    if version == "v2":
        assert json.loads(answer["body"]) == {"success": False, "error": "There is nothing at this path."}


def test_committed_documents_match_the_routes_and_describe_every_operation() -> None:
    described = set()
    for path, text in documents().items():
        assert path.read_text(encoding="utf-8") == text
        made = json.loads(text)
        if path == tools.FILE:
            continue
        described |= {(method.upper(), each) for each, methods in whole_paths(made).items() for method in methods}
    assert described == set(ROUTES)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_documentation_page_loads_nothing_from_other_origins(api: Api, version: str) -> None:
    page = api.get(f"/api/{version}/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    loaded = [api.get(urljoin(f"/api/{version}/docs", link)) for link in links if not link.startswith("data:")]
    assert {asset.status for asset in loaded} == {200}
    # Every module that a script imports is preloaded by the page.
    imported = {name for asset in loaded for name in re.findall(r'from "\./([^"]+)"', asset.text)}
    assert imported
    assert all(any(link.endswith(f"/{name}") for link in links) for name in imported)
    # The page links to the document, so this is everything that it loads.
    assert any(asset.text == api.get(f"/api/{version}/openapi.json").text for asset in loaded)
    assert sum(len(each.text.encode()) for each in (page, *loaded)) < LARGEST_PAGE


def test_unknown_asset_is_not_found_and_not_cacheable(api: Api) -> None:
    reply = api.get("/api/v1/docs/other.js")
    assert reply.status == 404
    assert (reply.headers["cache-control"], reply.headers.get("etag")) == ("no-store", None)


@pytest.mark.parametrize("path", ["/api/v1/openapi.json", "/api/v2/openapi.json", "/api/v1/docs", "/api/v2/docs"])
def test_current_etag_gets_304_without_a_body(api: Api, path: str) -> None:
    first = api.get(path)
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "public, max-age=300"
    assert first.headers["access-control-allow-origin"] == "*"
    assert api.get(path).headers["etag"] == tag
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = api.get(path, headers={"If-None-Match": known})
        assert (again.status, again.text, again.headers["etag"]) == (304, "", tag)
        assert again.headers["cache-control"] == "public, max-age=300"
        assert "content-type" not in again.headers
    for other in ("", '"other"', tag.strip('"'), f'{tag[:-2]}x"'):
        assert api.get(path, headers={"If-None-Match": other}).text == first.text


def test_operation_with_aliases_is_listed_once() -> None:
    routes = list(catalog.routes(app))
    assert len(routes) == len({id(route) for route in routes})
    assert {route.path for route in routes} == {path for _, path in ROUTES}
    assert set(SERVED) == {(method, path) for path, methods in app.routes.items() for method in methods}


def test_the_version_is_the_products(api: Api) -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    assert api.get("/api/v1/health").json["version"] == project["project"]["version"]
