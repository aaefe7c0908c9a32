"""The calls of a minute that a person's keys share, in the table `tokens` (see tokens).

pk = MINUTE#<user id>#<minute>: drawn, the calls that the keys have taken from the minute; deleteAt (epoch seconds)

A key draws a share at a time and spends it in its own row, as minuteLeft, so that most calls write one row. As many
keys as a person can have get a share each. What a key has drawn and does not spend is lost to the others in that
minute.
"""

from chalicelib.core.domain import bounds
from chalicelib.core.domain.budgets import WINDOW_SECONDS
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import update
from chalicelib.resources import TOKENS

_DELETED_AFTER_SECONDS = 3600


def person_budget(key_budget: int) -> int:
    """Return the calls a minute of all of a person's keys; not fewer than one key may make."""
    return max(bounds.CALLS.most, key_budget)


def share_of(budget: int) -> int:
    """Return how many calls a key draws at a time."""
    return budget // bounds.KEYS.most


def draw_action(user_id: str, minute: int, share: int, budget: int) -> Action:
    """Return the member of a transaction that draws a share, if so much is left of the minute."""
    return update(
        TOKENS,
        {"pk": f"MINUTE#{user_id}#{minute}"},
        "ADD drawn :share SET deleteAt = :deleted",
        "attribute_not_exists(drawn) OR drawn <= :room",
        share=share,
        deleted=minute * WINDOW_SECONDS + _DELETED_AFTER_SECONDS,
        room=budget - share,
    )
