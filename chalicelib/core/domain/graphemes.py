"""Cutting a text between the characters that a reader sees, which Unicode calls grapheme clusters."""

from unicodedata import category, combining

ZERO_WIDTH_JOINER = "\u200d"
_VIRAMA = 9
# Signs of numbers and verses that enclose what follows them.
_PREPENDED = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
# Letters that are written as part of the one before: am of Thai and Lao, the half-width voicing marks of kana.
_TRAILING = frozenset("\u0e33\u0eb3\uff9e\uff9f\u200c\u200d")


def clip(text: str, most: int) -> str:
    """Return at most `most` code points from the start of the text, cut where no visible character is divided.

    A single character that is longer than `most` (stacked marks) is cut all the same.
    """
    if len(text) <= most:
        return text
    end = most
    while end and not _is_boundary(text, end):
        end -= 1
    return text[: end or most]


def _is_boundary(text: str, at: int) -> bool:
    """Say whether a visible character ends before `at`: the rules of UAX 29, where in doubt without a boundary."""
    before, after = text[at - 1], text[at]
    if before.isascii() and after.isascii():
        return True
    if _extends(after) or before in _PREPENDED:
        return False
    if before == ZERO_WIDTH_JOINER or combining(before) == _VIRAMA:
        return after.isspace()
    if _is_regional(before) and _is_regional(after):
        return _regional_before(text, at) % 2 == 0
    return not _is_syllable_inside(before, after)


def _extends(letter: str) -> bool:
    is_modifier = "\U0001f3fb" <= letter <= "\U0001f3ff" or "\U000e0020" <= letter <= "\U000e007f"
    return is_modifier or letter in _TRAILING or category(letter) in ("Mn", "Me", "Mc")


def _is_regional(letter: str) -> bool:
    return "\U0001f1e6" <= letter <= "\U0001f1ff"


def _regional_before(text: str, at: int) -> int:
    """Count the regional indicators that end at `at`: two of them are a flag."""
    start = at
    while start and _is_regional(text[start - 1]):
        start -= 1
    return at - start


def _is_syllable_inside(before: str, after: str) -> bool:
    """Say whether these are parts of one Hangul syllable."""
    leads = "\u1100" <= before <= "\u115f"
    is_syllable = "\uac00" <= before <= "\ud7a3"
    if "\u1160" <= after <= "\u11ff":
        return leads or is_syllable or "\u1160" <= before <= "\u11ff"
    return leads and ("\u1100" <= after <= "\u115f" or "\uac00" <= after <= "\ud7a3")
