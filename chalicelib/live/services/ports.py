"""Ports of live: services depend on them, stores and gateways provide them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.live.domain.frames import News, Standing


class Notifier(Protocol):
    """Tells a person's sockets what happened; never fails the caller."""

    def standing(self, user_id: str, *, now: datetime) -> Standing | None: ...
    def notify(self, user_id: str, *news: News, standing: Standing | None, now: datetime) -> bool: ...
