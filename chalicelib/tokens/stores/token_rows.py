"""Keys of the table `tokens` (see tokens), and what a row's counters begin with: what every request asks for."""

from typing import Any

from chalicelib.core.domain.callers import TokenStatus
from chalicelib.core.stores.items import Row, to_item
from chalicelib.ids import MintedToken, PresentedToken, TokenKind

START: Row = {
    "status": TokenStatus.ACTIVE.value,
    "minute": 0,
    "minuteUsed": 0,
    "day": "",
    "dayLeft": 0,
    "useCount": 0,
}


def grant_key(grant_id: str) -> Row:
    return {"pk": f"{TokenKind.PERSONAL.name}#{grant_id}"}


def token_key(token: PresentedToken | MintedToken) -> dict[str, Any]:
    return to_item({"pk": f"{token.kind.name}#{token.row_id}"})
