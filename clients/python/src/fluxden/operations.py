"""What the generated operations are built on."""

from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import quote

Plain = str | int | float | bool | None


class Send(Protocol):
    """Sends one request, and returns its reply's JSON, or None if it has no body."""

    def __call__(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        header: Mapping[str, Plain] | None = None,
        body: Any = None,
        takes_key: bool = False,
        idempotency_key: str | None = None,
    ) -> Any: ...


class Operations:
    """The operations of one version of the API.

    Operations that take an idempotency key get a new one for each call, so that they can be repeated when a reply is
    lost. Give your own to go on where an earlier process ended.
    """

    def __init__(self, send: Send) -> None:
        self._send = send

    @staticmethod
    def _quoted(part: Any) -> str:
        return quote(str(part), safe="")
