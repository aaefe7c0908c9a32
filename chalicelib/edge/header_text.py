"""The text of request headers."""


def decode_header(value: str) -> str:
    """Return the value as the client's text.

    HTTP leaves the encoding of headers open, and hosts and gateways pass bytes beyond ASCII on as Latin-1. Clients send
    UTF-8, so bytes that are UTF-8 are read as such, and others stay Latin-1.
    """
    if value.isascii():
        return value
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value
