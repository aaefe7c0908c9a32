"""What one network address can ask for without a credential in a minute of the clock, in the table `network`.

SHARE#<what>#FROM#<network address> / <minute>   number; expiresAt is the table's TTL
"""

from datetime import UTC, datetime

from chalicelib.core.domain.addresses import network_of
from chalicelib.core.domain.errors import RateLimited
from chalicelib.core.stores.actions import NEW, update
from chalicelib.core.stores.writes import try_commit
from chalicelib.resources import NETWORK

_SECONDS = 60


class DynamoShares:
    def take(self, of: str, address: str | None, *, most: int, now: datetime) -> None:
        """Count a request of the network address in this minute. One store call.

        Raises:
            RateLimited: there have been `most` in this minute.
        """
        seconds = int(now.timestamp())
        action = update(
            NETWORK,
            {"pk": f"SHARE#{of}#FROM#{network_of(address)}", "sk": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")},
            "SET expiresAt = :expires ADD #number :one",
            f"{NEW} OR #number < :most",
            expires=seconds + 2 * _SECONDS,
            one=1,
            most=most,
        )
        if not try_commit([action]):
            wait = _SECONDS - seconds % _SECONDS
            raise RateLimited(
                f"There were too many requests from your network. Try again in {wait} s.", retry_after=wait
            )
