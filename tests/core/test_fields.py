"""Field types of the contracts, and times as text."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel, TypeAdapter, ValidationError

from chalicelib.core.domain.fields import (
    Address,
    DueDate,
    In,
    Omittable,
    OpenIn,
    Out,
    Timestamp,
    Uuid,
    is_uuid,
    not_blank,
    parse_timestamp,
    timestamp,
)

pytestmark = pytest.mark.engine("embedded")

moments = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=st.timezones())  # noqa: DTZ001 - aware by strategy


@given(moments)
def test_time_is_read_as_it_was_written_to_the_millisecond(moment: datetime) -> None:
    written = timestamp(moment)

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", written)
    utc = moment.astimezone(UTC)
    read = parse_timestamp(written)
    assert read == utc.replace(microsecond=utc.microsecond // 1000 * 1000)
    assert read.tzinfo is UTC
    assert timestamp(read) == written


@given(moments, moments)
def test_times_sort_as_text_as_they_do_in_time(one: datetime, other: datetime) -> None:
    if parse_timestamp(timestamp(one)) < parse_timestamp(timestamp(other)):
        assert timestamp(one) < timestamp(other)


@given(moments, st.integers(-23 * 60 - 59, 23 * 60 + 59))
def test_time_is_the_same_moment_at_every_offset(moment: datetime, minutes: int) -> None:
    written = timestamp(moment).removesuffix("Z")
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)

    read = parse_timestamp(f"{written}{sign}{hours:02}:{rest:02}")

    assert read == parse_timestamp(written + "Z") - timedelta(minutes=minutes)


@given(
    st.text()
    | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})")
    | st.from_regex(r"\A[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9](\.\d{1,12})?[+-][0-2]\d:\d\d\Z")
    | st.from_regex(r"\A(0001-01-01|9999-12-31)T[0-2][0-9]:[0-5][0-9]:[0-5][0-9][+-][0-2][0-9]:[0-5][0-9]\Z")
)
def test_arbitrary_text_is_a_moment_or_a_value_error(text: str) -> None:
    try:
        read = parse_timestamp(text)
    except ValueError:
        return
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-05-21",
        "2026-05-21T10:00:00",
        "2026-05-21T10:00Z",
        "2026-05-21 10:00:00Z",
        "2026-05-21T10:00:00+0800",
        "2026-05-21T10:00:00+08",
        "2026-05-21T10:00:00 Z",
        "2026-05-21T10:00:00Z\n",
        "2026-05-21T10:00:00,5Z",
        "2026-05-21T10:00:00.Z",
        "2026-05-21T24:00:00Z",
        "2026-05-21T23:60:00Z",
        "2026-02-29T10:00:00Z",
        "2026-05-21T10:00:00+24:00",
        "2026-05-21T10:00:00+05:60",
        "2026-05-21T10:00:00-00:99",
        "0000-12-31T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "20260521T100000Z",
        "2026-W21-4T10:00:00Z",
        "２０２６-05-21T10:00:00Z",
    ],
    ids=ascii,
)
def test_a_time_that_is_not_rfc_3339_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_timestamp(text)


# Models and field types


class Strict(In):
    at: Timestamp | None = None
    email: Address | None = None
    item_id: Uuid | None = None
    title: Omittable[Annotated[str, AfterValidator(not_blank)]] = None
    count: int = 0


class Lenient(OpenIn):
    count: int = 0


class Reply(Out):
    item_id: str
    last_seen_at: str | None = None


def refused(model: type[BaseModel], body: str) -> list[str]:
    """Return the types of the errors that `body` has."""
    with pytest.raises(ValidationError) as error:
        model.model_validate_json(body)
    return [each["type"] for each in error.value.errors()]


def test_body_is_read_strictly_and_unknown_members_only_where_a_contract_allows_them() -> None:
    assert refused(Strict, '{"count": "1"}') == ["int_type"]
    assert refused(Strict, '{"more": 1}') == ["extra_forbidden"]
    assert refused(Lenient, '{"count": "1"}') == ["int_type"]
    assert Lenient.model_validate_json('{"count": 1, "more": 1}') == Lenient(count=1)


def test_omittable_member_may_be_left_out_but_not_null_or_blank() -> None:
    assert Strict.model_validate_json("{}").title is None
    assert refused(Strict, '{"title": null}') == ["string_type"]
    assert refused(Strict, '{"title": " \\t"}') == ["blank"]
    assert refused(Strict, '{"title": "\u200b\\n\u2060"}') == ["blank"]


def test_times_addresses_and_ids_are_normalised() -> None:
    item_id = "D76164C5-E157-5E12-9C4E-55111BBB1034"
    read = Strict.model_validate_json(
        json.dumps({"at": "2026-05-21T10:00:00+08:00", "email": "Alice.B@Example.COM", "item_id": item_id})
    )
    assert read.at == datetime(2026, 5, 21, 2, tzinfo=UTC)
    assert (read.email, read.item_id) == ("alice.b@example.com", item_id.lower())


@pytest.mark.parametrize("wrong", ["2026-05-21", 0, True, ["2026-05-21T10:00:00Z"]])
def test_time_is_text_with_an_offset(wrong: object) -> None:
    assert refused(Strict, json.dumps({"at": wrong})) == ["date_time"]


@pytest.mark.parametrize(
    "wrong", ["", "alice", "@example.com", "alice@", "a b@example.com", "alice@-x.com", '"a"@example.com', "a@b\n"]
)
def test_an_address_that_browsers_do_not_accept_is_refused(wrong: str) -> None:
    assert refused(Strict, json.dumps({"email": wrong})) == ["email"]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("jörg@müller.example", "jörg@müller.example"),
        ("jo\u0308rg@mu\u0308ller.example", "jörg@müller.example"),
        ("用户@例子.广告", "用户@例子.广告"),
        ("ΔΟΚΙΜΉ@παράδειγμα.example", "δοκιμή@παράδειγμα.example"),
        ("Alice+x@example.com", "alice+x@example.com"),
    ],
)
def test_an_internationalised_address_is_accepted_and_composed(text: str, read: str) -> None:
    assert Strict.model_validate_json(json.dumps({"email": text})).email == read


@pytest.mark.parametrize(
    "letter", ["\u00a0", "\u2028", "\u202e", "\u200b", "\u0085", "\u3164", "\ufe0f", "\U0001f600", "＠", "。", "\u3000"]
)
def test_an_address_with_letters_that_none_has_is_refused(letter: str) -> None:
    for text in (f"a{letter}b@example.com", f"a@ex{letter}ample.com"):
        assert refused(Strict, json.dumps({"email": text})) == ["email"]


def test_a_due_date_without_a_time_is_the_start_of_the_day_in_utc() -> None:
    due = TypeAdapter(DueDate)
    assert due.validate_python("2026-12-01") == datetime(2026, 12, 1, tzinfo=UTC)
    assert due.validate_python("2026-12-01T10:00:00+08:00") == datetime(2026, 12, 1, 2, tzinfo=UTC)
    for wrong in ("2026-02-30", "2026-12-1", "20261201", "2026-W49-2", "2026-12-01T10:00:00", "2026-12", "", 5, None):
        with pytest.raises(ValidationError):
            due.validate_python(wrong)


@given(st.uuids(), st.data())
def test_uuid_is_one_in_its_usual_form_only(value: UUID, data: st.DataObject) -> None:
    text = str(value)
    assert is_uuid(text)
    assert is_uuid(text.upper())
    place = data.draw(st.integers(0, len(text) - 1))
    assert not is_uuid(text[:place] + "g" + text[place + 1 :])
    assert not is_uuid(text[:place] + text[place + 1 :])
    for wrong in (value.hex, f"{{{text}}}", f"urn:uuid:{text}", f"{text}\n"):
        assert not is_uuid(wrong)


def test_reply_is_in_camel_case_without_what_was_never_set() -> None:
    assert Reply(item_id="1").model_dump(by_alias=True, exclude_unset=True) == {"itemId": "1"}
    assert Reply(item_id="1", last_seen_at=None).model_dump(by_alias=True, exclude_unset=True) == {
        "itemId": "1",
        "lastSeenAt": None,
    }
