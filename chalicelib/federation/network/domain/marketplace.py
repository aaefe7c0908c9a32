"""Agents that instances offer to the network, and the rules by which a changed one is reviewed again."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from chalicelib.federation.network.domain.instances import Instance

MOST_IN_A_BATCH = 50
MOST_CHANGES_KEPT = 50
FIRST_VERSION = "1.0.0"
# In bytes. An agent's details and its changelog share a row, which holds 400 KB.
LARGEST_LISTING = 200_000
_LARGEST_CHANGELOG = 60_000

_VERSION = re.compile(
    r"(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(?:\.(0|[1-9]\d{0,8})(-[0-9A-Za-z.-]{1,40})?(\+[0-9A-Za-z.-]{1,40})?)?",
    re.ASCII,
)
# The details that a reviewer approves. A change of one has to be approved again.
_MATERIAL = (
    "description",
    "longDescription",
    "endpointUrl",
    "pricingModel",
    "pricePerTask",
    "taskTypes",
    "contextInstructions",
    "requiredInputSchema",
    "outputSchema",
    "category",
)


class ListingStatus(StrEnum):
    """The review of an agent by the operator. Only active agents are offered."""

    PENDING = "pending_review"
    ACTIVE = "active"
    REJECTED = "rejected"
    DISABLED = "disabled"


def parse_version(text: str) -> str:
    """Return a semantic version; `1.2` becomes `1.2.0`.

    Raises:
        ValueError: the text is not a semantic version.
    """
    found = _VERSION.fullmatch(text)
    if found is None:
        raise ValueError("Must be a semantic version, such as 1.2.0")
    return text if found[3] is not None else f"{text}.0"


def bump_version(version: str) -> str:
    """Return the next patch version, without a pre-release or build."""
    found = _VERSION.fullmatch(version)
    assert found is not None
    return f"{found[1]}.{found[2]}.{int(found[3] or 0) + 1}"


def slugify(text: str) -> str:
    """Return the text in lower case, with one hyphen for each run of characters other than a-z and 0-9."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower())


@dataclass(frozen=True)
class Listing:
    """An agent as it is offered: `details` by their names on the wire, nothing left out.

    `revision` is another word after every write. Versions are semantic; `changelog` has the newest change first.
    """

    marketplace_id: str
    instance_id: str
    remote_id: str
    slug: str
    status: ListingStatus
    version: str
    details: Mapping[str, Any]
    changelog: tuple[Mapping[str, Any], ...]
    created_at: str
    updated_at: str
    revision: str
    reviewed_at: str | None = None
    reason: str | None = None

    @property
    def name(self) -> str:
        return str(self.details["name"])


@dataclass(frozen=True)
class ListingChange:
    """A changed listing, the material details that changed, and whether it has to be reviewed again."""

    listing: Listing
    changed: tuple[str, ...]
    re_reviewed: bool


def slug_candidates(instance: Instance, name: str) -> tuple[str, str]:
    """Return the slug of a new agent, and the one to use if another instance's agent has that."""
    own = slugify(name)
    return f"{slugify(instance.name)}-{own}", f"{instance.instance_id[:8]}-{own}"


def update_listing(
    found: Listing, details: Mapping[str, Any], version: str | None, *, slug: str, at: str
) -> ListingChange:
    """Return the listing with these details.

    If a material detail changed, the version grows, the change goes into the changelog, and an active agent has to be
    approved again. A version that the instance sends is used as it is.
    """
    changed = tuple(name for name in _MATERIAL if _text(found.details.get(name)) != _text(details.get(name)))
    next_version = version if version is not None and version != found.version else found.version
    changelog = found.changelog
    if changed:
        if next_version == found.version:
            next_version = bump_version(found.version)
        note = {
            "version": next_version,
            "date": at,
            "changes": f"Changed: {', '.join(changed)}.",
            "diff": {
                name: {"from": _excerpt(found.details.get(name)), "to": _excerpt(details.get(name))} for name in changed
            },
            "previousVersion": found.version,
        }
        changelog = _newest_changes((note, *changelog))
    re_reviewed = bool(changed) and found.status is ListingStatus.ACTIVE
    made = replace(
        found,
        details=details,
        version=next_version,
        changelog=changelog,
        slug=slug,
        status=ListingStatus.PENDING if re_reviewed else found.status,
        updated_at=at,
    )
    return ListingChange(made, changed, re_reviewed)


def _newest_changes(changelog: tuple[Mapping[str, Any], ...]) -> tuple[Mapping[str, Any], ...]:
    kept = changelog[:MOST_CHANGES_KEPT]
    while len(kept) > 1 and len(json.dumps(kept)) > _LARGEST_CHANGELOG:
        kept = kept[:-1]
    return kept


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _excerpt(value: Any) -> str:
    return _text(value)[:200]
