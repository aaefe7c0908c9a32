"""Sockets that listen, and how one is closed without a reset for anybody whose connection was accepted."""

import asyncio
import ctypes
import logging
import resource
import socket
import struct
from collections.abc import Iterable

log = logging.getLogger("fluxden")

BACKLOG = 1024
# For what is not a client's connection: files, and connections to the engines.
_OTHER_FILES = 512
_SO_ATTACH_FILTER = 26
# A connection whose handshake has begun is complete by then.
_HANDSHAKE_SECONDS = 0.1


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    # Accepted sockets inherit it. asyncio sets it only on sockets that were made with the protocol's number. Without it
    # the second piece of a reply waits 40 ms for the client's acknowledgement of the first.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def raise_file_limit() -> int:
    """Allow this process as many open files as it may have, and return how many connections that leaves."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, 65_536) if hard != resource.RLIM_INFINITY else 65_536
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return max(64, soft - _OTHER_FILES) if soft != resource.RLIM_INFINITY else wanted


async def close_when_accepted(listener: socket.socket, servers: Iterable[asyncio.Server]) -> None:
    """Refuse new connections, and close the listener when those that were made are accepted.

    The system resets connections that nobody has accepted when their listener is closed. So first it is made to ignore
    new ones, whose clients try again and are then refused.
    """
    if _ignore_new(listener):
        await asyncio.sleep(_HANDSHAKE_SECONDS)
    else:
        # The event loop accepts everything that waits when it comes round.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    for server in servers:
        server.close()
    listener.close()


def _ignore_new(listener: socket.socket) -> bool:
    """Drop the first packet of new connections, with a filter of Linux; False where that is not possible."""
    # Of the TCP header: the byte of flags, and all but SYN and ACK masked. A SYN alone is dropped.
    program = (
        struct.pack("HBBI", 0x30, 0, 0, 13),  # load the byte at 13
        struct.pack("HBBI", 0x54, 0, 0, 0x12),  # keep SYN and ACK
        struct.pack("HBBI", 0x15, 0, 1, 0x02),  # if it is SYN alone,
        struct.pack("HBBI", 0x06, 0, 0, 0),  # drop it,
        struct.pack("HBBI", 0x06, 0, 0, 0xFFFFFFFF),  # else keep all of it
    )
    code = ctypes.create_string_buffer(b"".join(program))
    try:
        listener.setsockopt(
            socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
        )
    except OSError:
        return False
    return True
