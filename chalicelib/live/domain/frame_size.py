"""The size of frames: what is longer than a WebSocket frame may be is cut."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

# In bytes; API Gateway's limit of one WebSocket frame.
LARGEST_FRAME = 32 * 1024
# No character takes more bytes in JSON, so a text of this length need not be measured.
_SURELY_FITS = LARGEST_FRAME // 4
# Strings are not cut to less, and so are ids and enums, which are shorter, left whole.
_KEPT_LETTERS = 256
_CUT = {"truncated": True}

Place = tuple[dict[str, Any] | list[Any], Any]


def to_frame_text(members: Mapping[str, Any]) -> str:
    """Return the members as JSON of at most 32 KB.

    If they are longer, the longest strings are cut, and then lists and objects emptied, from the largest on; the frame
    has `truncated: true` then.
    """
    text = _to_json(members)
    if len(text) <= _SURELY_FITS or _size(text) <= LARGEST_FRAME:
        return text
    shown: dict[str, Any] = json.loads(text) | _CUT
    while (excess := _size(_to_json(shown)) - LARGEST_FRAME) > 0:
        parts = list(_parts(shown))
        strings = [each for each in parts if isinstance(_read(each), str) and len(_read(each)) > _KEPT_LETTERS]
        if strings:
            longest = max(strings, key=lambda each: _size(_to_json(_read(each))))
            _write(longest, _cut(_read(longest), excess))
        else:
            largest = max(parts, key=lambda each: _size(_to_json(_read(each))))
            _write(largest, type(_read(largest))())
    return _to_json(shown)


def _cut(text: str, excess: int) -> str:
    """Cut at least so many bytes of JSON from the end, but keep the first letters."""
    sizes = (_size(_to_json(each)) - 2 for each in reversed(text[_KEPT_LETTERS:]))
    length = len(text)
    while excess > 0 and length > _KEPT_LETTERS:
        excess -= next(sizes)
        length -= 1
    return text[:length]


def _parts(shown: Any) -> Iterator[Place]:
    """Yield the place of every string, list and object in it."""
    for key, value in list(shown.items() if isinstance(shown, dict) else enumerate(shown)):
        if isinstance(value, str | list | dict):
            yield shown, key
        if isinstance(value, list | dict):
            yield from _parts(value)


def _read(place: Place) -> Any:
    within, key = place
    return within[key]


def _write(place: Place, value: Any) -> None:
    within, key = place
    within[key] = value


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _size(text: str) -> int:
    return len(text.encode())
