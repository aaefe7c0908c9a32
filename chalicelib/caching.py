"""Replies that anyone may keep, and be told later that they still hold (RFC 9110, section 13; RFC 9111)."""

import hashlib


def headers(text: str, max_age: int) -> dict[str, str]:
    """What a reply with this text says of its keeping; the tag is the same wherever the text is."""
    tag = hashlib.sha256(text.encode()).hexdigest()[:32]
    return {"Cache-Control": f"public, max-age={max_age}", "ETag": f'"{tag}"'}


def has_current(if_none_match: str, tag: str) -> bool:
    """Whether the client, by its `If-None-Match`, has the reply with this tag already."""
    known = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
    return not known.isdisjoint({tag, "*"})
