"""The canonical form of another desk's base URL, by which the desk is known everywhere."""

from pydantic_core import Url
from pydantic_core import ValidationError as UrlError

# Together with a person's address it is one sort key, which has at most 1,024 bytes.
LONGEST_ORIGIN = 400
_DEFAULT_PORTS = {"https": 443, "http": 80}


def canonical_origin(text: str) -> str:
    """Return the one form of a desk's base URL: the host in lower case and IDNA, without default port and final slash.

    Raises:
        ValueError: the URL is not valid, has credentials, a query or a fragment, or is too long for a key.
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
    made = f"{url.scheme}://{host}{port}{(url.path or '').rstrip('/')}"
    if len(made) > LONGEST_ORIGIN:
        raise ValueError(f"must have at most {LONGEST_ORIGIN} characters")
    return made
