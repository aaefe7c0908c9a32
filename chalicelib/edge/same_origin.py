"""Tell the requests of our own pages from those that other sites make a browser send."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from chalicelib.core.domain.errors import Forbidden
from chalicelib.settings import settings

# A page of another origin can set this header only after a preflight, which no operation with a cookie allows.
REQUESTED_BY = "X-Fluxden-Client"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def check_same_origin(headers: Mapping[str, str], method: str) -> None:
    """Refuse a change that a browser sends with its cookies, unless a page of this desk made it.

    Browsers state the page's origin themselves. Names of `headers` are in lower case.

    Raises:
        Forbidden: the page is of another origin, or states none.
    """
    if method in _SAFE:
        return
    if not headers.get(REQUESTED_BY.lower()):
        raise Forbidden(f"A change with a session needs the header {REQUESTED_BY}.")
    site = headers.get("sec-fetch-site", "same-origin")
    if site != "same-origin" or not _is_own(headers.get("origin", ""), headers):
        raise Forbidden("A page of another site sent this request.")


def _is_own(origin: str, headers: Mapping[str, str]) -> bool:
    own = urlsplit(settings().base_url)
    named = {f"{own.scheme}://{own.netloc}"} if own.netloc else set()
    # Browsers set `Host` to the host that they call, so a page of another site can't choose it.
    host = headers.get("host", "")
    return bool(host) and origin in named | {f"https://{host}", f"http://{host}"}
