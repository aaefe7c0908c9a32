"""Hourly limits of what strangers may create, in the table `network`: new instances and connection requests.

REGISTRATIONS / <hour of the clock>, REQUESTS#<who is asked> / <hour of the clock>

number; expiresAt is the table's TTL
"""

from datetime import UTC, datetime, timedelta
from math import ceil

from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import NEW, update
from chalicelib.resources import NETWORK


def count_in_hour_action(now: datetime, *, most: int, of: str = "REGISTRATIONS") -> Action:
    """Return the member of a transaction that counts one more in this hour, and fails if there have been `most`."""
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return update(
        NETWORK,
        {"pk": of, "sk": hour.strftime("%Y-%m-%dT%H")},
        "SET expiresAt = :expires ADD #number :one",
        f"{NEW} OR #number < :most",
        expires=int((hour + timedelta(days=1)).timestamp()),
        one=1,
        most=most,
    )


def seconds_left_of_hour(now: datetime) -> int:
    """Return the seconds until the next hour of the clock, at least one."""
    return max(1, ceil(3600 - now.timestamp() % 3600))
