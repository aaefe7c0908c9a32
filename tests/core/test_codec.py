"""Codecs: models and rows are the same in both directions, and rows are as stores have always written them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.stores.codec import Codec, Column
from chalicelib.core.stores.items import from_item, to_item


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Wheel:
    wheel_id: str
    size: int


@dataclass(frozen=True)
class Car:
    car_id: str
    owner_id: str
    colour: Colour
    doors: int
    is_new: bool
    last_seen_at: str | None
    second_colour: Colour | None
    seats: int | None
    tags: frozenset[str]
    wheels: tuple[Wheel, ...]
    spare: Wheel | None
    details: dict[str, Any]
    history: Sequence[Wheel] = ()
    mileage: int = 0
    codes: tuple[str, ...] = ()


CARS = Codec(Car, {"car_id": "id", "mileage": Column("km", str, int)}, without=("owner_id",))

_TEXTS, _WHEELS = st.text(max_size=5), st.builds(Wheel, st.text(max_size=5), st.integers(0, 10**20))
_CARS = st.builds(
    Car,
    owner_id=st.just("alice"),
    doors=st.integers(-(10**20), 10**20),
    seats=st.none() | st.integers(0, 9),
    tags=st.frozensets(_TEXTS),
    wheels=st.lists(_WHEELS, max_size=3).map(tuple),
    spare=st.none() | _WHEELS,
    history=st.lists(_WHEELS, max_size=3),
    details=st.dictionaries(_TEXTS, st.none() | _TEXTS | st.booleans()),
    codes=st.lists(_TEXTS, max_size=3).map(tuple),
)


@given(_CARS)
def test_model_comes_back_from_its_row_as_it_was(car: Car) -> None:
    assert CARS.from_row(CARS.to_row(car), owner_id="alice") == car
    assert CARS.from_row(from_item(to_item(CARS.to_row(car))), owner_id="alice") == car


def test_row_has_camel_case_names_plain_values_and_none_as_null() -> None:
    car = Car("1", "alice", Colour.RED, 4, True, None, None, 5, frozenset(("b", "a")), (Wheel("w", 2),), None, {})
    row = CARS.to_row(car)
    assert row == {
        "id": "1",
        "colour": "red",
        "doors": 4,
        "isNew": True,
        "lastSeenAt": None,
        "secondColour": None,
        "seats": 5,
        "tags": ["a", "b"],
        "wheels": [{"wheelId": "w", "size": 2}],
        "spare": None,
        "details": {},
        "history": [],
        "km": "0",
        "codes": [],
    }
    assert type(row["colour"]) is str


def test_attribute_that_a_row_lacks_becomes_the_default() -> None:
    car = Car("1", "alice", Colour.RED, 4, True, None, None, None, frozenset(), (), None, {}, mileage=7)
    row = {name: value for name, value in CARS.to_row(car).items() if name not in ("history", "km")}
    assert CARS.from_row(row | {"unknown": 1}, owner_id="bob") == replace(car, owner_id="bob", mileage=0)
    with pytest.raises(TypeError, match="colour"):
        CARS.from_row({name: value for name, value in row.items() if name != "colour"}, owner_id="alice")


def test_unknown_enum_value_is_an_error() -> None:
    with pytest.raises(ValueError, match="green"):
        Codec(Wheel, {"wheel_id": Column("colour", from_row=Colour)}).from_row({"colour": "green", "size": 1})
