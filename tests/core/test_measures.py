"""Metrics: what a call adds is collected with its dimensions, also in the threads that it starts."""

import pytest

from chalicelib.core.domain.errors import Refusal
from chalicelib.core.domain.measures import DELIVERIES, FAN_OUT_LAG, MEASURES, PUSHES, Measured, collect
from chalicelib.parallel import gather


def test_amounts_are_collected_with_their_dimensions_in_the_declared_order() -> None:
    with collect() as collected:
        PUSHES.add(outcome="taken", channel="socket")
        FAN_OUT_LAG.add(12.5, severity="warn")
    assert collected == [
        Measured(PUSHES, (("channel", "socket"), ("outcome", "taken")), 1),
        Measured(FAN_OUT_LAG, (("severity", "warn"),), 12.5),
    ]


def test_threads_add_to_the_collection_of_their_call_and_calls_inside_have_their_own() -> None:
    with collect() as outer:
        gather(*[lambda: DELIVERIES.add(outcome="new")] * 3)
        with collect() as inner:
            DELIVERIES.add(outcome="held")
    assert (len(outer), [each.dimensions for each in inner]) == (3, [(("outcome", "held"),)])


def test_nothing_is_collected_outside_of_a_call_and_nothing_of_an_amount_of_zero() -> None:
    DELIVERIES.add(outcome="new")
    with collect() as collected:
        DELIVERIES.add(0, outcome="new")
    assert collected == []


def test_amount_without_one_of_its_dimensions_is_a_mistake() -> None:
    with collect(), pytest.raises(KeyError):
        PUSHES.add(channel="socket")


def test_every_measure_has_a_name_and_dimensions_of_its_own() -> None:
    assert len({each.name for each in MEASURES}) == len(MEASURES)
    for each in MEASURES:
        names = [name for name, _ in each.dimensions]
        assert names and len(set(names)) == len(names), each.name
        assert "service" not in names, "the desk itself, which every metric has"
    assert len({each.code for each in Refusal.__subclasses__()}) < 20, "codes are the values of a dimension"
