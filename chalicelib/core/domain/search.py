"""Search in texts by parts of them, whatever the case, the accents and the spacing."""

import unicodedata

# The number of characters that are searched. Texts only get longer by letters that decompose to whole phrases.
_LONGEST = 400


def normalize_text(text: str) -> str:
    """Normalize a text for search and order.

    The result is decomposed (NFKD) and case-folded, has single spaces between its words, and no combining marks or
    control characters.
    """
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    plain = "".join(each for each in folded if each.isspace() or not _is_dropped(each))
    return " ".join(plain.split())[:_LONGEST]


def normalize_tag(text: str) -> str:
    """Normalize a tag for comparison: composed (NFC), case-folded, without surrounding spaces."""
    return unicodedata.normalize("NFC", text).strip().casefold()


def split_tags(joined: str | None) -> frozenset[str]:
    """Split a comma-separated text into normalized tags."""
    return frozenset(tag for part in (joined or "").split(",") if (tag := normalize_tag(part)))


def has_text(sought: str, *texts: str | None) -> bool:
    """Say whether one of the texts contains `sought`, which is case-folded and may be empty."""
    return not sought or any(sought in text.casefold() for text in texts if text)


def _is_dropped(letter: str) -> bool:
    return bool(unicodedata.combining(letter)) or unicodedata.category(letter) == "Cc"
