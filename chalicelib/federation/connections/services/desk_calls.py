"""Calls to other desks: the one rule about what is not sent, for every kind of call."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from chalicelib.core.domain.http_results import HttpResult
from chalicelib.core.ports import Get, Post
from chalicelib.federation.connections.domain.federation_settings import FederationSettings


class _Settings(Protocol):
    def find_settings(self) -> FederationSettings: ...


@dataclass
class DeskCalls:
    """Calls other desks, but none that an operator of this desk suspended or blocked.

    A call that is not made has a result that ends its work with a reason (see `HttpResult.unsent`). With
    `includes_suspended` only blocked desks are left out: a suspended instance is told that it is suspended, and is
    asked for a proof when it is approved again. Store calls: 1 before the first call; the settings are as of then.
    """

    federation: _Settings
    send_post: Post
    send_get: Get
    includes_suspended: bool = False

    @cached_property
    def _settings(self) -> FederationSettings:
        return self.federation.find_settings()

    def post(self, url: str, body: bytes, headers: Mapping[str, str], /) -> HttpResult:
        """Send a POST, unless the desk at this URL is cut off."""
        return self._refuse(url) or self.send_post(url, body, headers)

    def get(self, url: str, headers: Mapping[str, str], /) -> HttpResult:
        """Send a GET, unless the desk at this URL is cut off."""
        return self._refuse(url) or self.send_get(url, headers)

    def _refuse(self, url: str) -> HttpResult | None:
        is_cut = self._settings.blocks(url) if self.includes_suspended else self._settings.cuts(url)
        return HttpResult.unsent("this desk's operator suspended or blocked that desk") if is_cut else None
