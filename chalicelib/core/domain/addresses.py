"""Network addresses of callers: which one counts behind proxies, and which of them belong together."""

import socket

# A caller with one IPv6 address has its whole network of 64 bits.
_IPV6_NETWORK = 8
_IPV4_LENGTH = 4
_IPV4_MAPPED = bytes(10) + b"\xff\xff"


def client_address(peer: str | None, forwarded_for: str, *, trusted_proxies: int) -> str | None:
    """Return the address of the caller: the last one that no trusted proxy has.

    `peer` is the address that the connection comes from. Each proxy appends the address of its own caller to
    `X-Forwarded-For`, so only the last `trusted_proxies` of its addresses are true; the others may be invented.
    """
    if not peer or trusted_proxies < 1:
        return peer
    chain = [each.strip() for each in forwarded_for.split(",") if each.strip()] + [peer]
    claimed = chain[max(0, len(chain) - 1 - trusted_proxies)]
    return claimed if _packed(claimed) else peer


def network_of(address: str | None) -> str:
    """Return what limits count by: an IPv4 address, or the first 64 bits of an IPv6 address."""
    packed = _packed(address or "")
    if packed is None:
        return "unknown"
    if packed.startswith(_IPV4_MAPPED):
        packed = packed[len(_IPV4_MAPPED) :]
    if len(packed) == _IPV4_LENGTH:
        return socket.inet_ntoa(packed)
    return f"{socket.inet_ntop(socket.AF_INET6, packed[:_IPV6_NETWORK] + bytes(8))}/64"


def _packed(text: str) -> bytes | None:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            return socket.inet_pton(family, text)
        except (OSError, ValueError):
            continue
    return None
