"""Who may try a credential: wrong ones are counted by network address and by target, and make the next ones wait."""

import hashlib
from dataclasses import dataclass

# Characters from which on a credential can't be guessed.
UNGUESSABLE = 32
# How long an address counts as its owner's after a right credential came from it, in days.
KNOWN_DAYS = 30


@dataclass(frozen=True)
class Misses:
    """How many wrong credentials there were today, and when the last one was, in epoch seconds."""

    number: int = 0
    last_at: int = 0


@dataclass(frozen=True)
class Bound:
    """How many wrong credentials cost nothing, and the longest wait after one, in seconds."""

    free: int
    longest: int

    def wait(self, misses: Misses, *, now: int) -> int:
        """Return the seconds until the next attempt. Each miss beyond the free ones doubles the wait."""
        if misses.number < self.free:
            return 0
        delay = min(1 << min(misses.number - self.free, 30), self.longest)
        return max(0, misses.last_at + delay - now)


# Some 40 attempts a day.
FROM_ONE_ADDRESS = Bound(free=5, longest=3600)
# Questions about a token's digest. A stranger can make another desk ask them, so they never wait for long either.
QUESTIONS = Bound(free=100, longest=60)
# From many addresses together. Owners that are not known yet wait as well, so never for long.
AT_ONE_TARGET = Bound(free=100, longest=60)


@dataclass(frozen=True)
class Attempts:
    """The wrong credentials from an address and at a target.

    `is_known` is whether this right credential came from this address lately, and `is_due` whether that should be
    noted again.
    """

    address: Misses = Misses()
    target: Misses = Misses()
    is_known: bool = False
    is_due: bool = True

    def wait(
        self, *, is_right: bool, can_be_guessed: bool, now: int, from_one_address: Bound = FROM_ONE_ADDRESS
    ) -> int:
        """Return the seconds to wait before the attempt counts; 0 if it counts now.

        Nobody can make an owner wait: a credential that can't be guessed counts at once, and so does one that came
        from this address before. For all others the answer does not depend on whether the credential is right.
        """
        if is_right and (self.is_known or not can_be_guessed):
            return 0
        return max(from_one_address.wait(self.address, now=now), AT_ONE_TARGET.wait(self.target, now=now))


def credential_hash(credential: str) -> str:
    """Return the SHA-256 of a credential, by which it is known here."""
    return hashlib.sha256(credential.encode()).hexdigest()


def can_be_guessed(credential: str) -> bool:
    """Whether a credential that somebody chose is so short that it may be guessed."""
    return len(credential) < UNGUESSABLE
