"""The two versions of the API: the paths of each, and the shape of its errors."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.api.v1.contract import V1
from chalicelib.api.v2.contract import V2
from chalicelib.edge.operation import Family

FOLDER = Path(__file__).parents[1] / "chalicelib" / "openapi"

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
        "blockers": {
            "type": "object",
            "description": "Why a catalog item can't be deleted: the number of blockers of each kind.",
            "properties": {
                name: {"type": "integer", "minimum": 0} for name in ("liveApprovals", "liveAssets", "liveTokens")
            },
        },
    },
}
_PLAIN_ERROR = {
    "type": "object",
    "required": ["success", "error"],
    "properties": {"success": {"type": "boolean", "const": False}, "error": {"type": "string"}},
}


@dataclass(frozen=True)
class Edition:
    """One OpenAPI document: the paths that it covers, and the shape of their errors."""

    prefixes: tuple[str, ...]
    family: Family
    file: Path
    title: str
    description: str
    error: str
    error_schema: dict[str, Any]

    def covers(self, path: str) -> bool:
        return any(f"{path}/".startswith(f"{prefix}/") for prefix in self.prefixes)


EDITIONS = (
    Edition(
        ("/api/v1",),
        V1,
        FOLDER / "v1.json",
        "Fluxden API v1",
        "Publish events to people's inboxes exactly once, and follow them up.",
        "ProblemDetails",
        _PROBLEM,
    ),
    Edition(
        ("/api/v2", "/api/chat", "/api/federation", "/api/marketplace", "/.well-known"),
        V2,
        FOLDER / "v2.json",
        "Fluxden API v2",
        "The task queue, chat, board and contacts that people share with their agents.",
        "Error",
        _PLAIN_ERROR,
    ),
)


def edition_of(path: str) -> Edition:
    """Return the document that describes `path`; for an unknown path, the one whose error shape applies."""
    return next((edition for edition in EDITIONS if edition.covers(path)), EDITIONS[0])
