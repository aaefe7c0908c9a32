"""By which names a desk is reached, and from which pages.

A browser lets any page send requests, also to a machine of its user's own under a name that the page's owner has
pointed there. So a request must come by a name of the desk's own, and a page's also from an origin of the desk's own.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def is_own(headers: Mapping[str, str], base_url: str) -> bool:
    """Whether the request names this desk, and no page of another origin sent it.

    The headers' names are in lower case. Without a `base_url` the gateway has judged the name, so whatever it let
    through is this desk's.
    """
    host, origin = headers.get("host", "").lower(), headers.get("origin")
    base = urlsplit(base_url.lower())
    if base_url:
        names = _names(base.hostname or "", base.port)
        if host not in names:
            return False
        allowed = {f"{base.scheme}://{name}" for name in names}
    else:
        allowed = {f"{scheme}://{host}" for scheme in ("https", "http")}
    return origin is None or origin.lower() in allowed


def _names(hostname: str, port: int | None) -> set[str]:
    name = f"[{hostname}]" if ":" in hostname else hostname
    names = _LOOPBACK if name in _LOOPBACK else (name,)
    return {f"{each}:{port}" if port else each for each in names}
