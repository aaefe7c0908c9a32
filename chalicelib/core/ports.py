"""Shapes that several areas exchange without knowing each other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

# One member of `TransactWriteItems`, by its kind.
Action = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class RelayEnd:
    """The end of a relay from another desk, written with the change that brings it about.

    `actions` are members of that transaction. `announce` starts the delivery of the acknowledgement, and is called
    after the transaction.
    """

    actions: Sequence[Action]
    announce: Callable[[], None]
