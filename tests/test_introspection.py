"""What needs no token: health, the document, and its browser."""

import json
import re

from openapi_spec_validator import OpenAPIV31SpecValidator

from chalicelib.settings import VERSION
from infra.openapi import documents
from tests.support.api import ROUTES, Api


def test_health_answers_without_a_store_call(api: Api) -> None:
    reply = api.get("/api/v1/health")
    assert (reply.status, reply.calls) == (200, [])
    assert reply.json == {"ok": True, "version": VERSION, "serverTime": reply.json["serverTime"]}


def test_the_served_document_is_valid_and_describes_every_operation(api: Api) -> None:
    served = api.get("/api/v1/openapi.json").json
    OpenAPIV31SpecValidator(served).validate()
    described = {(method.upper(), path) for path, methods in served["paths"].items() for method in methods}
    assert described == {(method, path) for method, path in ROUTES if path.startswith("/api/v1/")}


def test_the_committed_documents_are_what_the_routes_say_and_describe_every_operation() -> None:
    described = set()
    for path, text in documents().items():
        assert path.read_text(encoding="utf-8") == text
        made = json.loads(text)
        OpenAPIV31SpecValidator(made).validate()
        described |= {(method.upper(), each) for each, methods in made["paths"].items() for method in methods}
    assert described == set(ROUTES)


def test_the_documentation_page_loads_everything_from_here(api: Api) -> None:
    page = api.get("/api/v1/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert links
    for link in links:
        if not link.startswith("data:"):
            asset = api.get(f"/api/v1/{link}")
            assert asset.status == 200
            assert len(asset.text) > 100
    assert api.get("/api/v1/docs/other.js").status == 404
