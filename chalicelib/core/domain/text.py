"""Texts as searches compare them, whatever their case, accents, spacing and encoding."""

import unicodedata

_APOSTROPHES = "\u2018\u2019\u201b\u02bc\u02b9\u2032\u0060\uff07"
_SPELLINGS = {ord(each): "'" for each in _APOSTROPHES} | {
    ord(letter): plain for letter, plain in {"ı": "i", "ł": "l", "ø": "o", "đ": "d", "ħ": "h", "ŧ": "t"}.items()
}
# Marks that make another letter of the one before: パ is not ハ.
_VOICING = frozenset("\u3099\u309a")
_FORMER_LENGTH = 400


class _Letters(dict[int, str | None]):
    """A translation that leaves out marks, invisible characters and controls, and spells letters plainly."""

    def __missing__(self, code: int) -> str | None:
        letter = chr(code)
        self[code] = found = _SPELLINGS.get(code, None if _is_dropped(letter) else letter)
        return found


_LETTERS = _Letters()


def normalize_text(text: str) -> str:
    """Normalize a text for search and order.

    The result is case-folded, has single spaces between its words, and no accents, invisible characters or controls.
    All spellings of a text that Unicode calls compatible have the same result.
    """
    if text.isascii():
        folded = text.translate(_LETTERS).casefold()
    else:
        # Folding and decomposing each bring out letters for the other.
        folded = text.translate(_SPELLINGS)
        for _ in range(2):
            folded = unicodedata.normalize("NFKD", folded).casefold()
        folded = unicodedata.normalize("NFKD", folded).translate(_LETTERS)
        folded = unicodedata.normalize("NFC", folded)
    return " ".join(folded.split())


def former_normalized_text(text: str) -> str:
    """Normalize a text as stored search entries were until November 2026."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    plain = "".join(
        each
        for each in folded
        if each.isspace() or not (unicodedata.combining(each) or unicodedata.category(each) == "Cc")
    )
    return " ".join(plain.split())[:_FORMER_LENGTH]


def normalize_tag(text: str) -> str:
    """Normalize a tag for comparison: composed (NFC), case-folded, without surrounding spaces."""
    return unicodedata.normalize("NFC", text).strip().casefold()


def split_tags(joined: str | None) -> frozenset[str]:
    """Split a comma-separated text into normalized tags."""
    return frozenset(tag for part in (joined or "").split(",") if (tag := normalize_tag(part)))


def has_text(sought: str, *texts: str | None) -> bool:
    """Say whether one of the texts contains `sought`, which is normalized and may be empty."""
    return not sought or any(sought in normalize_text(text) for text in texts if text)


def _is_dropped(letter: str) -> bool:
    if letter.isspace() or letter in _VOICING:
        return False
    is_variation = "\ufe00" <= letter <= "\ufe0f"
    return is_variation or bool(unicodedata.combining(letter)) or unicodedata.category(letter) in ("Cc", "Cf")
