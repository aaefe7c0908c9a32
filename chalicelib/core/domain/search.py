"""Search in texts by parts of them, whatever the case, the accents and the spacing."""

import unicodedata

# So many characters of a text are searched. Only letters that stand for a whole phrase make one of ours longer.
_LONGEST = 400


def normalised(text: str) -> str:
    """`text` as it is searched and ordered by: decomposed (NFKD), without combining marks and control characters,
    case folded, and with single spaces between its words.
    """
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    plain = "".join(each for each in folded if each.isspace() or not _left_out(each))
    return " ".join(plain.split())[:_LONGEST]


def tag_of(text: str) -> str:
    """A tag as it is compared: composed (NFC), case folded, without the spaces around it."""
    return unicodedata.normalize("NFC", text).strip().casefold()


def tags_of(joined: str | None) -> frozenset[str]:
    """The tags in a text that joins them by commas."""
    return frozenset(tag for part in (joined or "").split(",") if (tag := tag_of(part)))


def has_text(sought: str, *texts: str | None) -> bool:
    """Say whether one of the texts contains `sought`, which is case-folded and may be empty."""
    return not sought or any(sought in text.casefold() for text in texts if text)


def _left_out(letter: str) -> bool:
    return bool(unicodedata.combining(letter)) or unicodedata.category(letter) == "Cc"
