"""The canonical form of another desk's base URL, by which the desk is known everywhere."""

from pydantic_core import Url
from pydantic_core import ValidationError as UrlError

# The `source` of what has text of another desk, beside its origin.
SOURCE = "federation"
# Together with a person's address it is one sort key, which has at most 1,024 bytes.
LONGEST_ORIGIN = 400
# Each is asked about when a desk's address is in doubt.
_MOST_PARTS = 3
_DEFAULT_PORTS = {"https": 443, "http": 80}


def host_of(origin: str) -> str:
    """Return the part of a canonical origin without its path: what is below it is in the hands of one host."""
    return "/".join(origin.split("/", 3)[:3])


def parents_of(origin: str) -> list[str]:
    """Return the addresses above a canonical origin with a path, the nearest first; the last one is its host."""
    host = host_of(origin)
    parts = origin[len(host) :].split("/")[1:-1]
    return ["/".join([host, *parts[:number]]) for number in range(len(parts), -1, -1)] if origin != host else []


def is_below(origin: str, other: str) -> bool:
    """Whether a canonical origin is the other one, or a path below it."""
    return origin == other or origin.startswith(f"{other}/")


def canonical_origin(text: str) -> str:
    """Return the one form of a desk's base URL: the host in lower case and IDNA, without default port and final slash.

    Raises:
        ValueError: the URL is not valid, has credentials, a query or a fragment, or is too long.
    """
    try:
        url = Url(text)
    except UrlError as error:
        raise ValueError("is not a valid URL") from error
    if url.username or url.password:
        raise ValueError("must not contain a user name or password")
    if url.query is not None or url.fragment is not None:
        raise ValueError("must not have a query or a fragment")
    host = (url.host or "").rstrip(".")
    port = "" if url.port in (None, _DEFAULT_PORTS.get(url.scheme)) else f":{url.port}"
    path = (url.path or "").rstrip("/")
    if path.count("/") > _MOST_PARTS:
        raise ValueError(f"must have at most {_MOST_PARTS} parts in its path")
    made = f"{url.scheme}://{host}{port}{path}"
    if len(made) > LONGEST_ORIGIN:
        raise ValueError(f"must have at most {LONGEST_ORIGIN} characters")
    return made
