"""Check the host and the origin of a request against DNS rebinding.

A browser lets any page send requests to the user's own machine, under a name that the owner of the page points there.
So the host of a request must be a name of this desk, and a page's origin must be one of this desk.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_PORTS = {"http": 80, "https": 443}
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:@/?#\\\s]+)(?::([0-9]{1,5}))?", re.ASCII)


class _Origin(NamedTuple):
    scheme: str
    name: str
    port: int


def is_own(headers: Mapping[str, str], base_url: str) -> bool:
    """Say whether the request is for this desk, and not from a page of another origin.

    Names of headers are in lower case. A port that is the scheme's default may be left out. Without a `base_url` every
    host counts as this desk's, since the gateway has checked it.
    """
    host = headers.get("host", "")
    base = _parse(base_url)
    if base and not _is_same(base, _with_port(base.scheme, host)):
        return False
    if "origin" not in headers:
        return True
    origin = _parse(headers["origin"])
    return origin is not None and _is_same(origin, base or _with_port(origin.scheme, host))


def _is_same(one: _Origin, other: _Origin | None) -> bool:
    if other and {one.name, other.name} <= {*_LOOPBACK}:
        other = other._replace(name=one.name)
    return one == other


def _parse(url: str) -> _Origin | None:
    scheme, separator, rest = url.lower().partition("://")
    return _with_port(scheme, rest.partition("/")[0]) if separator else None


def _with_port(scheme: str, host: str) -> _Origin | None:
    found = _AUTHORITY.fullmatch(host.lower())
    if found is None or scheme not in _PORTS:
        return None
    return _Origin(scheme, found[1], int(found[2]) if found[2] else _PORTS[scheme])
