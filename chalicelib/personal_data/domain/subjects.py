"""The person whose data is erased, and what takes the place of their address, name and id."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

ERASED_NAME = "Erased person"
# Nothing is ever sent there: names below `.invalid` belong to nobody (RFC 2606).
_NOWHERE = "erased.invalid"


@dataclass(frozen=True)
class Subject:
    """A person whose data is erased.

    `stand_in_id` takes the place of the id in what others keep. It is random, so it says nothing once the erasure has
    ended, and still tells one erased person from another. `successor_id` is who takes over what the person was
    responsible for. With `is_namesake` another employee has the same name.
    """

    user_id: str
    email: str
    name: str
    stand_in_id: str
    successor_id: str | None = None
    is_namesake: bool = False

    @property
    def stand_in_email(self) -> str:
        return f"{self.stand_in_id.partition('-')[0]}@{_NOWHERE}"

    @property
    def heir_id(self) -> str:
        """Who is named from now on where the person was responsible."""
        return self.successor_id or self.stand_in_id


class Redaction:
    """Finds a person's address, name and id in rows, and puts what stands for them in their place.

    Address and id are found wherever they stand. A name of several words is too, unless another employee has it; a
    name of one word, or of two people, only in rows that have the address or the id as well, and one of one word only
    where it stands alone.
    """

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    def names(self, value: Any) -> bool:
        """Say whether the address or the id stands in a value, or in any part of it."""
        return any(self._id.search(text) or self._address.search(text) for text in texts_in(value))

    def finds(self, row: Mapping[str, Any]) -> bool:
        """Say whether `redact` would change a row."""
        return self.redact(row) != row

    def redact(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row in which nothing names the person."""
        with_name = self.names(row)
        return {name: self._value(value, with_name=with_name) for name, value in row.items()}

    def redact_text(self, text: str, *, with_name: bool = True) -> str:
        """Return a text in which nothing names the person."""
        subject = self._subject
        text = self._id.sub(subject.stand_in_id, text)
        text = self._address.sub(subject.stand_in_email, text)
        if text == subject.name:
            return ERASED_NAME if with_name or self._is_telling else text
        is_found = self._has_several_words and (with_name or not subject.is_namesake)
        return self._name.sub(ERASED_NAME, text) if is_found else text

    def _value(self, value: Any, *, with_name: bool) -> Any:
        match value:
            case str():
                return self.redact_text(value, with_name=with_name)
            case dict():
                return {
                    self.redact_text(name, with_name=False): self._value(each, with_name=with_name)
                    for name, each in value.items()
                }
            case list() | tuple():
                return [self._value(each, with_name=with_name) for each in value]
            case set() | frozenset():
                return {self._value(each, with_name=with_name) for each in value}
        return value

    @property
    def _has_several_words(self) -> bool:
        return len(self._subject.name.split()) > 1

    @property
    def _is_telling(self) -> bool:
        return self._has_several_words and not self._subject.is_namesake

    @cached_property
    def _id(self) -> re.Pattern[str]:
        return re.compile(re.escape(self._subject.user_id), re.IGNORECASE)

    @cached_property
    def _address(self) -> re.Pattern[str]:
        forms = "|".join(map(re.escape, _forms(self._subject.email)))
        # Neither the end of a longer local part, nor the beginning of a longer host.
        return re.compile(rf"(?<![\w.+-])(?:{forms})(?![\w-]|\.\w)", re.IGNORECASE)

    @cached_property
    def _name(self) -> re.Pattern[str]:
        forms = "|".join(re.escape(each) for each in _forms(self._subject.name))
        return re.compile(rf"(?<!\w)(?:{forms})(?!\w)", re.IGNORECASE)


def texts_in(value: Any) -> Iterator[str]:
    """Iterate over every text in a value, also the names in maps."""
    match value:
        case str():
            yield value
        case Mapping():
            for name, each in value.items():
                yield str(name)
                yield from texts_in(each)
        case list() | tuple() | set() | frozenset():
            for each in value:
                yield from texts_in(each)


def _forms(text: str) -> list[str]:
    """Return a text as it stands in plain text, in JSON and in URLs, the longest first."""
    found = {text, json.dumps(text)[1:-1], quote(text, safe=""), quote(text, safe="@")}
    return sorted(found, key=lambda each: (-len(each), each))
