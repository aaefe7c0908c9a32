"""The two versions of the API, and SCIM: the paths of each, the shape of its errors, and the contract that it keeps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.api.scim.contract import BASE as SCIM_BASE
from chalicelib.api.scim.contract import SCIM
from chalicelib.api.v1.contract import V1
from chalicelib.api.v2.contract import V2
from chalicelib.edge.operation import Family

FOLDER = Path(__file__).parents[1] / "chalicelib" / "openapi"
_GUIDES = Path(__file__).with_name("guides")

_PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem details. `type` and `code` are stable; switch on one of them.",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 100, "maximum": 599},
        "detail": {"type": "string"},
        "instance": {"type": "string", "format": "uri-reference"},
        "requestId": {"type": "string"},
        "code": {"type": "string", "description": "The last part of `type`, with underscores."},
        "fieldErrors": {
            "type": "object",
            "description": "Reasons for each field, by its path.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
}
_SCIM_ERROR = {
    "type": "object",
    "description": "An error of SCIM (RFC 7644, section 3.12).",
    "required": ["schemas", "status", "detail"],
    "properties": {
        "schemas": {"type": "array", "items": {"type": "string"}},
        "status": {"type": "string", "description": "The status of the response."},
        "scimType": {"type": "string", "description": "The kind of error, such as `uniqueness` or `invalidFilter`."},
        "detail": {"type": "string"},
    },
}
_PLAIN_ERROR = {
    "type": "object",
    "required": ["success", "error"],
    "properties": {"success": {"type": "boolean", "enum": [False]}, "error": {"type": "string"}},
}


@dataclass(frozen=True)
class Edition:
    """One OpenAPI document: the paths that it covers, the shape of their errors, and the names of its contract.

    `info`, `servers` and `bearer_format` are the contract's, so that clients made for it recognize the document. Paths
    below `base` are written relative to it, except `whole_paths`. `guide` introduces the document.
    """

    prefixes: tuple[str, ...]
    family: Family
    file: Path
    openapi: str
    info: Mapping[str, Any]
    servers: Sequence[Mapping[str, str]]
    error: str
    error_schema: Mapping[str, Any]
    bearer_format: str = ""
    base: str = ""
    whole_paths: frozenset[str] = frozenset()

    def covers(self, path: str) -> bool:
        return any(f"{path}/".startswith(f"{prefix}/") for prefix in self.prefixes)

    def path_key(self, path: str) -> str:
        """Return the path as the document lists it."""
        return path.removeprefix(self.base) if self.is_relative(path) else path

    def is_relative(self, path: str) -> bool:
        return bool(self.base) and path.startswith(f"{self.base}/") and path not in self.whole_paths

    @property
    def guide(self) -> str:
        return (_GUIDES / f"{self.file.stem}.md").read_text(encoding="utf-8").strip()


EDITIONS = (
    Edition(
        prefixes=("/api/v1",),
        family=V1,
        file=FOLDER / "v1.json",
        openapi="3.1.0",
        info={
            "title": "FluxDesk API",
            "version": "0.20.28",
            "license": {"name": "Proprietary — internal use", "identifier": "LicenseRef-FluxDesk-Internal"},
            "contact": {"name": "FluxDesk platform team", "url": "https://docs.fluxdesk.net"},
        },
        servers=(
            {"url": "/", "description": "This desk."},
            {"url": "https://my.fluxdesk.net", "description": "The contract's own service."},
            {"url": "https://fluxdesk.predithub.net", "description": "The contract's own service, for tests."},
            {"url": "http://localhost:3000", "description": "A service on your machine."},
        ),
        error="ProblemDetails",
        error_schema=_PROBLEM,
        bearer_format="FluxDesk bearer token",
    ),
    Edition(
        prefixes=("/api/v2", "/api/chat", "/api/federation", "/api/marketplace", "/.well-known"),
        family=V2,
        file=FOLDER / "v2.json",
        openapi="3.0.3",
        info={"title": "DiviDen Agent API v2", "version": "2.0.0"},
        servers=({"url": "/api/v2", "description": "This desk."},),
        error="ErrorResponse",
        error_schema=_PLAIN_ERROR,
        base="/api/v2",
        whole_paths=frozenset({"/api/v2/prompt-groups"}),
    ),
    Edition(
        prefixes=(SCIM_BASE,),
        family=SCIM,
        file=FOLDER / "scim.json",
        openapi="3.1.0",
        info={"title": "Fluxden SCIM", "version": "2.0"},
        servers=({"url": "/", "description": "This desk."},),
        error="ScimError",
        error_schema=_SCIM_ERROR,
        bearer_format="SCIM token",
    ),
)


def edition_of(path: str) -> Edition:
    """Return the document that describes `path`; for an unknown path, the one whose error shape applies."""
    return next((edition for edition in EDITIONS if edition.covers(path)), EDITIONS[0])
