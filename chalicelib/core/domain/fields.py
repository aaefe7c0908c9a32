"""Base models and field types of the contracts."""

import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, PydanticCustomError
from pydantic_core.core_schema import no_info_after_validator_function

T = TypeVar("T")

# RFC 3339, section 5.6, with the offset that `date-time` requires.
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:[0-5]\d)", re.ASCII)
# A day, as RFC 3339 (section 5.6) spells it.
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
# The pattern browsers apply to <input type=email> (WHATWG HTML, 4.10.5.1.5): no quoted local parts. It also takes the
# letters of internationalised addresses (RFC 6531, RFC 5892), here as L and checked by `_is_address_letter`.
_LABEL = r"[a-zA-ZL0-9](?:[a-zA-ZL0-9-]{0,61}[a-zA-ZL0-9])?".replace("L", "\u0080-\U0010ffff")
_EMAIL = re.compile(rf"[a-zA-Z\u0080-\U0010ffff0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_LABEL}(?:\.{_LABEL})*")
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


# Embeddings, overrides and isolates, which can show a text in another order.
_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Letters without a shape: fillers of Hangul and Braille, the grapheme joiner, vowels of Khmer, variation selectors.
_INVISIBLE = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5") | set(map(chr, range(0xFE00, 0xFE10)))
# The largest that every JSON parser reads exactly (RFC 8259, section 6).
LARGEST_INTEGER = 2**53 - 1
_INTEGER = re.compile(r"[+-]?[0-9]+(\.0+)?", re.ASCII)


# Models are built on first use, since a function uses few of the models that its modules declare.


class In(BaseModel):
    """A request body. Unknown members are refused, and JSON types are not converted."""

    model_config = ConfigDict(defer_build=True, hide_input_in_errors=True, extra="forbid", frozen=True, strict=True)


class Query(BaseModel):
    """The query parameters. Unknown ones are refused."""

    model_config = ConfigDict(defer_build=True, hide_input_in_errors=True, extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _plain_integer(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse spellings of integers that only Python reads, such as `1_0`."""
        annotation = cls.model_fields[str(info.field_name)].annotation
        if not (isinstance(value, str) and _takes_integers(annotation)):
            return value
        if not _INTEGER.fullmatch(value):
            raise PydanticCustomError("integer", "Must be an integer")
        # Python limits how many digits it reads, and zeros in front count.
        digits = value.partition(".")[0].lstrip("+-0")
        return _whole(int(digits[:17] or "0") * (-1 if value.startswith("-") else 1))


class Headers(BaseModel):
    """Request headers; the alias of each member is the name of the header."""

    model_config = ConfigDict(defer_build=True, hide_input_in_errors=True, extra="ignore", frozen=True)


class OpenIn(BaseModel):
    """A request body whose contract allows additional members; they are ignored."""

    model_config = ConfigDict(defer_build=True, hide_input_in_errors=True, extra="ignore", frozen=True, strict=True)


class Out(BaseModel):
    """A reply, in camelCase; fields that are never set are left out."""

    model_config = ConfigDict(
        defer_build=True,
        hide_input_in_errors=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
    )


class _NotNull:
    """Marks a field that may be left out, but must not be null."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        present = [arm for arm in get_args(source) if arm is not type(None)]
        return handler.generate_schema(present[0])


Omittable = Annotated[T | None, _NotNull()]


class Clamped:
    """Marks an integer of a query whose larger values count as `most`. Schemas state it as the maximum."""

    def __init__(self, most: int) -> None:
        self._most = most

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return no_info_after_validator_function(lambda number: min(number, self._most), handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return handler(schema) | {"maximum": self._most}


class Filter:
    """Marks a text of a query that selects by one of these values. Others are accepted, and nothing has them.

    Schemas state the values.
    """

    def __init__(self, values: Iterable[str]) -> None:
        self._values = [str(each) for each in values]

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return handler(schema) | {"enum": self._values}


def is_omittable(metadata: Iterable[object]) -> bool:
    """Say whether a field with this metadata may be left out, but must not be null."""
    return any(isinstance(each, _NotNull) for each in metadata)


def timestamp(moment: datetime) -> str:
    """Format a moment as RFC 3339 in UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_timestamp(text: str) -> datetime:
    """Read an RFC 3339 date-time as UTC.

    Raises:
        ValueError: the text is not a date-time, has no offset, or does not exist.
    """
    if not _RFC3339.fullmatch(text):
        raise ValueError("not an RFC 3339 date-time with offset")
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("beyond the calendar") from error


def is_uuid(text: str) -> bool:
    return _UUID.fullmatch(text) is not None


def not_blank(text: str) -> str:
    """Refuse a text without a visible character; for use as an `AfterValidator`."""
    if not any(map(_is_visible, text)):
        raise PydanticCustomError("blank", "Must not be blank")
    return text


def one_line(text: str) -> str:
    """Refuse a text that is not one visible line; for use as an `AfterValidator`. Joiners in words and emoji are kept.

    An empty text is left to the field's minimum length.
    """
    if any(map(_breaks_line, text)):
        raise PydanticCustomError("one_line", "Must be one line, without control or bidi override characters")
    return not_blank(text) if text else text


def to_one_line(text: str) -> str:
    """Convert a text from elsewhere to one line: what `one_line` refuses becomes a space."""
    line = " ".join("".join(" " if _breaks_line(each) else each for each in text).split())
    return line if any(map(_is_visible, line)) else ""


def _breaks_line(letter: str) -> bool:
    return letter in _BIDI_CONTROLS or unicodedata.category(letter) in ("Cc", "Zl", "Zp")


def _is_visible(letter: str) -> bool:
    return letter not in _INVISIBLE and unicodedata.category(letter) not in ("Cf", "Cc", "Zl", "Zp", "Zs")


def _takes_integers(annotation: Any) -> bool:
    """Whether this is the type of an integer, which can have constraints, or be one arm of several."""
    return annotation is int or any(map(_takes_integers, get_args(annotation)))


def _whole(value: object) -> object:
    """Convert a float without a fraction, which JSON Schema calls an integer, and refuse integers beyond the bounds."""
    number = int(value) if isinstance(value, float) and value.is_integer() else value
    if isinstance(number, int) and abs(number) > LARGEST_INTEGER:
        raise PydanticCustomError("integer", "Must be between -(2^53 - 1) and 2^53 - 1")
    return number


def _moment(value: object) -> datetime:
    if isinstance(value, str):
        try:
            return parse_timestamp(value)
        except ValueError:
            pass
    raise PydanticCustomError("date_time", "Must be a date-time with offset, such as 2026-05-21T10:00:00+08:00")


def _due_date(value: object) -> datetime:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return datetime.fromisoformat(value).replace(tzinfo=UTC)
        except ValueError:
            pass
    try:
        return _moment(value)
    except PydanticCustomError as error:
        text = "Must be a date-time with offset, such as 2026-05-21T10:00:00+08:00, or a date, such as 2026-05-21"
        raise PydanticCustomError("date_time", text) from error


def email_address(text: str) -> str:
    """Refuse a text that is no email address; for use as an `AfterValidator`. Returns it in NFC."""
    address = unicodedata.normalize("NFC", text)
    if not _EMAIL.fullmatch(address) or not all(map(_is_address_letter, address)):
        raise PydanticCustomError("email", "Must be an email address")
    return address


def _is_address_letter(letter: str) -> bool:
    if letter.isascii() or letter in "\u200c\u200d":
        return True
    return unicodedata.category(letter)[0] in "LMN" and letter not in _INVISIBLE


def _uuid(text: str) -> str:
    if not is_uuid(text):
        raise PydanticCustomError("uuid", "Must be a UUID")
    return text


Timestamp = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="validation"),
]
# Language models often send a date alone. It stands for its first moment in UTC.
DueDate = Annotated[
    datetime,
    BeforeValidator(_due_date),
    WithJsonSchema(
        {
            "type": "string",
            "format": "date-time",
            "description": "A date-time with offset. A date alone, such as 2026-05-21, means its start in UTC.",
        },
        mode="validation",
    ),
]
Email = Annotated[str, Field(max_length=120, json_schema_extra={"format": "email"}), AfterValidator(email_address)]
# A title, a name or a label.
Line = Annotated[str, AfterValidator(one_line)]
# The same from another desk. It is converted, since its sender can't correct it.
PeerLine = Annotated[str, AfterValidator(to_one_line)]
# For bodies, where numbers are not converted otherwise. It comes after constraints, so that schemas state them.
WHOLE = BeforeValidator(_whole)
Integer = Annotated[int, WHOLE]
# An address to look a person up by; addresses are stored in lower case.
Address = Annotated[Email, AfterValidator(str.lower)]
UuidText = Annotated[str, AfterValidator(_uuid), Field(json_schema_extra={"format": "uuid"})]
# An id to look something up by; ids are stored in lower case.
Uuid = Annotated[UuidText, AfterValidator(str.lower)]
TimeOut = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
UuidOut = Annotated[str, Field(json_schema_extra={"format": "uuid"})]
