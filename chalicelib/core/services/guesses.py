"""Trying a credential that somebody may be guessing."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from chalicelib.core.domain.errors import RateLimited
from chalicelib.core.domain.guesses import FROM_ONE_ADDRESS, QUESTIONS, Attempts
from chalicelib.core.ports import Gather

T = TypeVar("T")


class Guesses(Protocol):
    """Keeps what was tried from network addresses and at targets."""

    def find(self, address: str, target: str, secret_hash: str, *, now: datetime) -> Attempts: ...
    def count_miss(self, address: str, target: str, *, now: datetime) -> None: ...
    def note_shown(self, secret_hash: str, address: str, *, now: datetime) -> None: ...


@dataclass(frozen=True)
class Trial:
    """One attempt: the network address that it comes from, what it is for, and the credential's SHA-256.

    With `is_question` only the SHA-256 was sent, so it is unknown whether the credential can be guessed.
    With `is_noted` the address is known from then on for a right credential.
    """

    address: str
    target: str
    secret_hash: str = field(repr=False)
    can_be_guessed: bool
    now: datetime
    is_question: bool = False
    is_noted: bool = True


def try_credential(
    trial: Trial,
    look_up: Callable[[], T],
    is_right: Callable[[T], bool],
    *,
    guesses: Guesses,
    gather: Gather,
    is_guess: Callable[[T], bool] = lambda _: True,
) -> T:
    """Look the credential up, and return what was found, also for a wrong one, which is counted.

    What was found may show that there is nothing to guess (`is_guess`).

    Store calls beside those of `look_up`: 1 at the same time; then 1 for a wrong credential. A right one that can be
    guessed takes 1 the first time that it comes from an address on a day.

    Raises:
        RateLimited: there were too many wrong ones. Whether this one is right shows only to who is known.
    """
    results = gather(look_up, lambda: guesses.find(trial.address, trial.target, trial.secret_hash, now=trial.now))
    found: T = results[0]
    attempts: Attempts = results[1]
    if not is_guess(found):
        return found
    right = is_right(found)
    wait = attempts.wait(
        is_right=right,
        can_be_guessed=trial.can_be_guessed,
        now=int(trial.now.timestamp()),
        from_one_address=QUESTIONS if trial.is_question else FROM_ONE_ADDRESS,
    )
    if wait:
        raise RateLimited(f"There were too many wrong credentials. Try again in {wait} s.", retry_after=wait)
    if not right:
        guesses.count_miss(trial.address, trial.target, now=trial.now)
    elif trial.can_be_guessed and attempts.is_due and trial.is_noted:
        guesses.note_shown(trial.secret_hash, trial.address, now=trial.now)
    return found
