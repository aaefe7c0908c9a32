"""Cacheable replies and conditional requests (RFC 9110, section 13; RFC 9111)."""

import hashlib


def cache_headers(text: str, max_age: int) -> dict[str, str]:
    """The headers that make a reply with this text cacheable; equal texts have equal tags."""
    tag = hashlib.sha256(text.encode()).hexdigest()[:32]
    return {"Cache-Control": f"public, max-age={max_age}", "ETag": f'"{tag}"'}


def has_current(if_none_match: str, tag: str) -> bool:
    """Say whether `If-None-Match` names this tag, so that the client has the current reply."""
    tags = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
    return not tags.isdisjoint({tag, "*"})
