"""What the clients have of the documents is of the documents as they are now."""

import copy
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import fluxden
from chalicelib.settings import VERSION
from fluxden.generated.v1 import V1
from fluxden.generated.v2 import V2
from infra import client_documents, clients
from infra.client_documents import NOT_FOR_CLIENTS, prepared_documents
from infra.client_operations import python_name
from infra.editions import EDITIONS

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.engine("embedded")


def operations(document: dict[str, Any]) -> set[str]:
    return {
        each["operationId"]
        for members in document["paths"].values()
        for each in members.values()
        if isinstance(each, dict)
    }


def test_the_clients_are_of_the_documents_as_they_are() -> None:
    stale = list(clients.stale_files(prepared_documents()))
    assert not stale, f"{stale} are out of date. Run: make clients"


def test_a_document_that_changes_makes_both_clients_stale() -> None:
    documents = {"v1": copy.deepcopy(prepared_documents()["v1"])}
    documents["v1"]["components"]["schemas"]["InboundEvent"]["properties"]["mood"] = {"type": "string"}
    assert set(clients.stale_files(documents)) == {"v1_models.py", "v1.ts"}
    documents["v1"]["paths"]["/api/v1/health"]["get"]["summary"] = "Something else"
    assert set(clients.stale_files(documents)) == {"v1.py", "v1_models.py", "v1.ts"}


def test_every_operation_for_programs_is_a_method_and_only_named_ones_are_left_out() -> None:
    prepared = prepared_documents()
    every = set[str]()
    for version, methods in (("v1", V1), ("v2", V2)):
        assert {python_name(each) for each in operations(prepared[version])} <= set(vars(methods))
        (file,) = (each.file for each in EDITIONS if each.file.stem == version)
        served = json.loads(file.read_text(encoding="utf-8"))
        every |= operations(served)
        for path, members in served["paths"].items():
            for name, operation in members.items():
                if isinstance(operation, dict) and operation["operationId"] not in operations(prepared[version]):
                    is_typed = client_documents.is_for_clients(operation)
                    assert not is_typed, f"{name} {path} has a typed reply"
    assert every >= NOT_FOR_CLIENTS


def test_the_clients_have_the_version_of_the_desk() -> None:
    def project(path: str) -> str:
        return str(tomllib.loads((ROOT / path).read_text(encoding="utf-8"))["project"]["version"])

    package = json.loads((ROOT / "clients/typescript/package.json").read_text(encoding="utf-8"))
    lock = json.loads((ROOT / "clients/typescript/package-lock.json").read_text(encoding="utf-8"))
    (shown,) = re.findall(r'VERSION = "(.*)"', (ROOT / "clients/typescript/src/version.ts").read_text(encoding="utf-8"))
    versions = {
        "desk": VERSION,
        "pyproject.toml": project("pyproject.toml"),
        "clients/python/pyproject.toml": project("clients/python/pyproject.toml"),
        "fluxden.VERSION": fluxden.VERSION,
        "package.json": package["version"],
        "package-lock.json": lock["version"],
        "version.ts": shown,
    }
    assert len(set(versions.values())) == 1, versions
