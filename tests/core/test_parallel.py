"""Concurrent calls: results in order, failures raised, no deadlocks."""

import threading

import pytest

from chalicelib.parallel import branch, chunks, gather

pytestmark = pytest.mark.engine("embedded")


def test_results_come_in_the_order_of_the_calls() -> None:
    first = threading.Event()

    def set_first() -> str:
        first.set()
        return "b"

    assert gather(lambda: first.wait(60) and "a", set_first) == ["a", "b"]
    assert gather() == []


def test_failure_is_raised_after_all_have_ended() -> None:
    ended: list[str] = []

    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        gather(fail, lambda: ended.append("yes"))
    assert ended == ["yes"]


def test_calls_may_be_many_and_nested() -> None:
    nested = gather(*(lambda n=n: sum(gather(*(lambda m=m: m for m in range(20)))) + n for n in range(40)))
    assert nested == [190 + number for number in range(40)]


def test_threads_are_kept_for_the_next_group() -> None:
    both = threading.Barrier(2)

    def meet() -> int:
        both.wait(60)
        return threading.get_ident()

    met = {ident for _ in range(60) for ident in gather(meet, meet)}
    assert 2 <= len(met) < 20


def test_every_call_has_a_branch() -> None:
    ((first,), (second,)) = gather(branch, branch)
    assert (first[0], first[1], second[1]) == (second[0], 0, 1)
    assert branch() == ()


def test_chunks_are_full_but_the_last() -> None:
    assert list(chunks([1, 2, 3, 4, 5], 2)) == [[1, 2], [3, 4], [5]]
    assert list(chunks([], 2)) == []
