"""The bodies of other hosts' replies as text: in the charset they declare, or the one they are plainly written in."""

import json
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, lookup
from unicodedata import category

from chalicelib.core.domain.graphemes import clip

_LONGEST_EXCERPT = 200
_CHARSET = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9_.:+-]{1,40})""", re.IGNORECASE)
_META_CHARSET = re.compile(rb"""<(?:meta|\?xml)[^>]{0,200}?(?:charset|encoding)\s*=\s*["']?([A-Za-z0-9_.:+-]{1,40})""")
_META_WITHIN = 1024
_MARKS = ((BOM_UTF8, "utf-8"), (BOM_UTF16_LE, "utf-16-le"), (BOM_UTF16_BE, "utf-16-be"))
# Charsets of text; Python also calls punycode, idna and escapes of its own encodings.
_TEXTUAL = re.compile(
    r"(utf-8|utf-16|utf-32|iso|iso_|latin|windows|cp|gb|hz|big5|shift|sjis|euc|koi8|mac|ks_|ks|tis|johab|ascii|us-)"
)
# What senders mean by these labels (WHATWG Encoding Standard).
_MEANT = {"iso8859-1": "cp1252", "ascii": "cp1252", "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932"}
_WESTERN = "cp1252"
# Servers declare these whatever they send; a text that is UTF-8 as well is hardly ever anything else.
_BELIED_BY_UTF8 = (_WESTERN, "utf-16", "utf-32")
# Of a text in a language that is written in Latin letters, this share is ASCII at least.
_LEAST_ASCII = 0.7
# A text whose decoding is right can still be cut, or have a stray byte: this many right letters for each wrong one.
_RIGHT_FOR_WRONG = 4
_MOST_CONTROLS = 0.1
# Half of a letter's two bytes, but nothing in a text that is UTF-8.
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# Formats that show nothing, or reorder what follows.
_UNSEEN = frozenset(map(chr, (0xAD, 0x200B, 0xFEFF, *range(0x202A, 0x202F), *range(0x2060, 0x2070)))) | frozenset(
    map(chr, range(0xFFF9, 0xFFFE))
)


def decode_body(raw: bytes, content_type: str) -> str | None:
    """Return a body as text; None if it is none, or in an unknown charset.

    Tried are the byte order mark, the charset of `content_type` or of the document itself, UTF-8, and for a text that
    is mostly ASCII Windows-1252. Bytes that are wrong in an otherwise right text are left out.
    """
    for mark, charset in _MARKS:
        if raw.startswith(mark):
            return _decoded(raw.removeprefix(mark), charset)
    for charset in (*_declared(raw, content_type), "utf-8"):
        is_belied = charset.startswith(_BELIED_BY_UTF8) and _is_utf8(raw) and not _CONTROLS.search(raw)
        if (text := _decoded(raw, "utf-8" if is_belied else charset)) is not None:
            return text
    if sum(byte < 0x80 for byte in raw) >= _LEAST_ASCII * len(raw):  # noqa: PLR2004 - ASCII
        return raw.decode(_WESTERN, "ignore")
    return None


def to_utf8(raw: bytes, content_type: str) -> bytes:
    """Return a body in UTF-8, whatever charset it came in. A body that is no text stays as it is."""
    declared = next(iter(_declared(raw, content_type)), "utf-8")
    if declared == "utf-8" and _is_utf8(raw):
        return raw
    text = decode_body(raw, content_type)
    return raw if text is None else text.encode("utf-8", "replace")


def excerpt_of(raw: bytes, content_type: str) -> str:
    """Return the beginning of a body in one line, for people: at most 200 code points, empty if it is no text."""
    text = decode_body(raw, content_type)
    if text is None or sum(category(each) == "Cc" and not each.isspace() for each in text) > _MOST_CONTROLS * len(text):
        return ""
    text = "".join(each for each in " ".join(_unescaped(text).split()) if _is_shown(each))
    return clip(" ".join(text.split()), _LONGEST_EXCERPT).strip()


def _declared(raw: bytes, content_type: str) -> list[str]:
    """Return the charsets that the header and the document name, as Python calls them, those of text only."""
    named = [found[1] for found in [_CHARSET.search(content_type)] if found]
    named += [found[1].decode() for found in [_META_CHARSET.search(raw[:_META_WITHIN].lower())] if found]
    known = []
    for label in named:
        try:
            name = lookup(label).name
        except LookupError:
            continue
        if _TEXTUAL.match(name):
            known.append(_MEANT.get(name, name))
    return known


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _decoded(raw: bytes, charset: str) -> str | None:
    """Return the text without the bytes that are wrong in it; None if too many are."""
    try:
        text = raw.decode(charset, "replace")
    except (UnicodeError, LookupError):
        return None
    wrong = text.count(_REPLACEMENT)
    right = sum(not each.isascii() for each in text) - wrong
    return text.replace(_REPLACEMENT, "") if right >= _RIGHT_FOR_WRONG * wrong else None


def _unescaped(text: str) -> str:
    r"""Return JSON with its letters in place of `\u…`; any other text as it is."""
    if "\\u" not in text:
        return text
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _is_shown(letter: str) -> bool:
    return letter == " " or (letter not in _UNSEEN and category(letter) not in ("Cc", "Cs", "Co", "Zl", "Zp"))
