"""How long somebody waits who tries wrong credentials."""

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.domain.guesses import AT_ONE_TARGET, FROM_ONE_ADDRESS, Attempts, Bound, Misses, can_be_guessed

BOUNDS = st.sampled_from([FROM_ONE_ADDRESS, AT_ONE_TARGET])
MISSES = st.builds(Misses, st.integers(0, 10**6), st.integers(0, 10**6))
ATTEMPTS = st.builds(Attempts, MISSES, MISSES, is_known=st.booleans())
NOW = st.integers(0, 2 * 10**6)


@given(BOUNDS, st.integers(0, 10**6), st.integers(1, 86_400))
def test_each_miss_waits_at_least_as_long_as_the_one_before_and_never_too_long(
    bound: Bound, number: int, pause: int
) -> None:
    one, next_ = (bound.wait(Misses(each, 1000), now=1000) for each in (number, number + 1))
    assert 0 <= one <= next_ <= bound.longest
    assert bound.wait(Misses(number, 1000), now=1000 + pause) == max(0, one - pause)
    assert (one == 0) == (number < bound.free)


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=400))
def test_an_address_has_few_attempts_however_they_are_spread(pauses: list[int]) -> None:
    now, tried, misses = 0, 0, Misses()
    for pause in pauses:
        now += pause
        if FROM_ONE_ADDRESS.wait(misses, now=now) == 0:
            tried, misses = tried + 1, Misses(misses.number + 1, now)
    # The free ones, twelve while the wait doubles, and then one an hour.
    assert tried <= FROM_ONE_ADDRESS.free + 13 + now // FROM_ONE_ADDRESS.longest


@given(ATTEMPTS, NOW)
def test_the_answer_to_a_guess_does_not_depend_on_whether_it_is_right_while_it_waits(
    attempts: Attempts, now: int
) -> None:
    wrong = attempts.wait(is_right=False, can_be_guessed=True, now=now)
    right = attempts.wait(is_right=True, can_be_guessed=True, now=now)
    assert right == (0 if attempts.is_known else wrong)


@given(ATTEMPTS, NOW)
def test_nobody_makes_an_owner_wait(attempts: Attempts, now: int) -> None:
    assert attempts.wait(is_right=True, can_be_guessed=False, now=now) == 0
    known = Attempts(attempts.address, attempts.target, is_known=True)
    assert known.wait(is_right=True, can_be_guessed=True, now=now) == 0


def test_a_credential_of_32_characters_cannot_be_guessed() -> None:
    assert [can_be_guessed("x" * length) for length in (8, 31, 32, 500)] == [True, True, False, False]
