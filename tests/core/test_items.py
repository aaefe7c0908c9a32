"""Rows are written and read as boto3's own types write and read them."""

from decimal import Decimal, Inexact, Rounded
from typing import Any

import pytest
from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.core.stores.items import from_item, to_item

_NUMBERS = st.integers(-(10**37), 10**37) | st.decimals(min_value=-(10**9), max_value=10**9, places=4)
_PARTS = st.none() | st.booleans() | st.text() | st.binary() | _NUMBERS | st.sets(st.text(), min_size=1)
_VALUES = st.recursive(_PARTS, lambda each: st.lists(each) | st.dictionaries(st.text(), each), max_leaves=12)


@settings(max_examples=40)
@given(st.dictionaries(st.text(), _VALUES))
def test_row_is_stored_and_read_as_by_boto3(row: dict[str, Any]) -> None:
    item = to_item(row)
    assert item == {name: TypeSerializer().serialize(value) for name, value in row.items()}
    found = {name: TypeDeserializer().deserialize(value) for name, value in item.items()}
    assert from_item(item) == _plain(found)


@pytest.mark.parametrize("wrong", [1.5, object(), {1, 2}, set(), 10**40 + 1, Decimal("0." + "1" * 39)])
def test_value_that_a_row_cannot_hold_is_refused(wrong: Any) -> None:
    with pytest.raises((TypeError, Inexact, Rounded)):
        to_item({"value": [wrong]})


def _plain(found: Any) -> Any:
    match found:
        case Binary() as binary:
            return getattr(binary, "value")  # noqa: B009 - what its types leave out
        case dict():
            return {name: _plain(each) for name, each in found.items()}
        case list():
            return [_plain(each) for each in found]
    return found
