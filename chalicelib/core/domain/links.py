"""Check the form of links and callback targets, without looking up their hosts."""

import ipaddress
import re
import unicodedata
from urllib.parse import parse_qsl

from pydantic_core import Url
from pydantic_core import ValidationError as UrlError

_FORBIDDEN_CHARACTERS = re.compile(r"[\x00-\x20\x7f\\]")
_LOCAL_NAMES = {"localhost", "localhost4", "localhost6", "localdomain", "ip6-localhost", "ip6-loopback"}
# Networks that `is_global` lets through in some Python versions, and no sender has a reason to use: translated,
# tunnelled and embedded IPv4 addresses, site-local addresses, relays, and metadata services of clouds.
_REFUSED_NETWORKS = [
    ipaddress.ip_network(network)
    for network in (
        "192.0.0.0/24",
        "192.88.99.0/24",
        "168.63.129.16/32",
        "::/96",
        "::ffff:0:0/96",
        "::ffff:0:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
        "5f00::/16",
        "fec0::/10",
    )
]
_CREDENTIAL_NAMES = {
    "auth",
    "authorization",
    "bearer",
    "hmac",
    "jwt",
    "key",
    "pass",
    "pwd",
    "session",
    "sid",
    "sig",
    "tokens",
}
_CREDENTIAL_ENDINGS = (
    "accesskeyid",
    "credential",
    "credentials",
    "passphrase",
    "passwd",
    "password",
    "secret",
    "sessid",
    "sessionid",
    "signature",
    "token",
)
_CREDENTIAL_KEYS = (
    "api",
    "access",
    "secret",
    "private",
    "auth",
    "account",
    "shared",
    "subscription",
    "signing",
)

# With what stands after one of these, the console signs in.
SIGN_IN_FRAGMENTS = ("key=", "sign-in=")


def is_global_address(text: str) -> bool:
    """Say whether an IP address in canonical text is a public address."""
    address = ipaddress.ip_address(text)
    if any(address.version == network.version and address in network for network in _REFUSED_NETWORKS):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def is_loopback(host: str) -> bool:
    """Say whether a host, as a URL or a resolver spells it, is this machine."""
    plain = host.strip("[]").rstrip(".").lower()
    if plain in _LOCAL_NAMES or plain.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(plain).is_loopback
    except ValueError:
        return False


def link_error(text: str, *, allow_loopback: bool = False) -> str | None:
    """The reason why `text` is not allowed as a link or a callback target; None if it is allowed.

    Hosts are parsed as browsers parse them (WHATWG URL), so every spelling of an address, such as decimal, octal,
    hexadecimal or full-width, is checked as that address. With `allow_loopback` this machine is allowed too, also
    with http://.
    """
    scheme, _, rest = text.partition("://")
    scheme = scheme.lower()
    plain = allow_loopback and scheme == "http"
    if not (plain or (scheme == "https" and "://" in text)):
        return "must start with https://"
    if _FORBIDDEN_CHARACTERS.search(text):
        return "must not contain spaces, control characters or backslashes"
    try:
        url = Url(text)
    except UrlError:
        return "is not a valid URL"
    if url.username or url.password:
        return "must not contain a user name or password"
    if is_sign_in_link(text):
        return "must not be a sign-in link"
    host = (url.host or "").rstrip(".").lower()
    if not host or rest[0] in "/?#":
        return "must name a host"
    if allow_loopback and is_loopback(host):
        return None
    if plain:
        return "must start with https://"
    return _refuse_host(host)


def is_sign_in_link(text: str) -> bool:
    """Say whether a console would take a secret from this link, and so sign its reader in as another person."""
    return text.partition("#")[2].startswith(SIGN_IN_FRAGMENTS)


def _refuse_host(host: str) -> str | None:
    if host in _LOCAL_NAMES or host.endswith((".localhost", ".localdomain")):
        return "must not target localhost"
    try:
        if not is_global_address(host.strip("[]")):
            return "must not target a loopback, private or otherwise reserved address"
    except ValueError:
        pass  # a name, which is resolved and checked when a call is made
    return None


def credential_parameters(text: str) -> list[str]:
    """List the parameters in the query and fragment whose names look like credentials."""
    url = Url(text)
    pairs = [pair for part in (url.query or "").split(";") for pair in parse_qsl(part, keep_blank_values=True)]
    # A fragment may be an anchor, a route with parameters, or parameters; only parts with a value are parameters.
    pairs += [
        (name.rpartition("/")[2], value)
        for part in re.split(r"[?&;]", url.fragment or "")
        for name, value in parse_qsl(part)
    ]
    return sorted({name for name, _ in pairs if _is_credential(name)})


def _is_credential(name: str) -> bool:
    plain = re.sub(r"[^a-z0-9]", "", unicodedata.normalize("NFKC", name).casefold())
    if plain in _CREDENTIAL_NAMES or plain.endswith(_CREDENTIAL_ENDINGS):
        return True
    return plain.endswith("key") and plain.removesuffix("key").endswith(_CREDENTIAL_KEYS)
