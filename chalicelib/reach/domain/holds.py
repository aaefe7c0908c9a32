"""Deliveries that reach a person only once their quiet hours have ended."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Hold:
    """A delivery that is held until a time, RFC 3339; `message_id` is that of the job that met the quiet hours.

    `is_in_digest` says that a digest has taken it up already.
    """

    delivery_id: str
    user_id: str
    message_id: str
    until: str
    is_in_digest: bool = False
