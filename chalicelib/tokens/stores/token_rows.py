"""Keys of the table `tokens` (see tokens), and the counters of a new row."""

from chalicelib.core.domain.callers import TokenStatus
from chalicelib.core.stores.items import Row
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


def token_key(token: PresentedToken | MintedToken) -> Row:
    return {"pk": f"{token.kind.name}#{token.row_id}"}


def tools_key(token_id: str) -> Row:
    return {"pk": f"{TokenKind.TOOLS.name}#{token_id}"}
