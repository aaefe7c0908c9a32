"""Fetching the keys with which peers sign."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chalicelib.core.domain.http_results import HttpResult
from chalicelib.core.ports import Get
from chalicelib.federation.connections.domain.confirmations import DESCRIPTION_PATH
from chalicelib.federation.connections.domain.connections import Connection
from chalicelib.federation.connections.domain.peer_keys import KeysOutcome, outcome_of, signs
from chalicelib.federation.connections.services.ports import KnownDesks, PublishedKeys

_PAGE = 48
_TAKEN_FOR = timedelta(minutes=5)


@dataclass(frozen=True)
class PeerKeyFetcher:
    """Fetches the published keys that are due."""

    keys: PublishedKeys
    get: Get
    gather: Callable[..., list[Any]]
    known_desks: KnownDesks

    def fetch_due(self, now: datetime) -> int:
        """Fetch the keys that are due, once for each desk, and return the number of connections.

        Store calls in sequence: 4, and 1 if none is due. A run takes at most 48 connections; the next run takes the
        rest. Runs may overlap, since each connection is taken by one run.
        """
        due = self.keys.list_due(now=now, limit=_PAGE)
        if not due:
            return 0
        taken = self.gather(*(self._taking(key, due_at, now) for key, due_at in due))
        own: list[tuple[Connection, int]] = [each for each in taken if each is not None]
        urls = sorted({connection.peer_url for connection, _ in own})
        answers = dict(zip(urls, self.gather(*map(self._asking, urls)), strict=True))
        self.gather(*(self._noting(url, now) for url in urls if signs(answers[url])))
        self.gather(
            *(
                self._recording(connection, outcome_of(answers[connection.peer_url], tries), now)
                for connection, tries in own
            )
        )
        return len(own)

    def _taking(self, key: Any, due_at: str, now: datetime) -> Callable[[], tuple[Connection, int] | None]:
        return lambda: self.keys.take(key, due_at, now=now, until=now + _TAKEN_FOR)

    def _asking(self, url: str) -> Callable[[], HttpResult]:
        return lambda: self.get(f"{url}{DESCRIPTION_PATH}", {"Accept": "application/json"})

    def _noting(self, url: str, now: datetime) -> Callable[[], None]:
        return lambda: self.known_desks.note(url, now=now)

    def _recording(self, connection: Connection, outcome: KeysOutcome, now: datetime) -> Callable[[], None]:
        return lambda: self.keys.record(connection, outcome, now=now)
