"""Check the host and the origin of a request against DNS rebinding.

A browser lets any page send requests to the user's own machine, under a name that the owner of the page points there.
So the host of a request must be a name of this desk, and a page's origin must be one of this desk.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def is_own(headers: Mapping[str, str], base_url: str) -> bool:
    """Say whether the request is for this desk, and not from a page of another origin.

    Names of headers are in lower case. Without a `base_url` every host counts as this desk's, since the gateway has
    checked it.
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
