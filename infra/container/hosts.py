"""Several hosts on the same engines: how they reach each other's WebSockets, and delete those of a host that is gone.

The row of each socket names the endpoint of the process that holds it: the URL of its management port, and a part that
is new with each start. So what is meant for an earlier process at the same address is answered as gone.
"""

import hashlib
import hmac
import logging
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from chalicelib import aws
from chalicelib.live.stores.sockets import DynamoSockets

log = logging.getLogger("fluxden")

SECRET = "FLUXDEN_HOST_SECRET"
_EVERY_ADDRESS = {"0.0.0.0", "::", ""}
_PROBE_SECONDS = 2.0
# A host is gone when it has refused connections for so long.
GONE_SECONDS, PROBES = 15.0, 4


@dataclass(frozen=True)
class Identity:
    """This process among the hosts: the URL of its management port, and a name that is new with each start."""

    url: str
    instance: str

    @classmethod
    def new(cls, url: str, host: str, port: int) -> "Identity":
        """Return an identity. Without a URL, it is made from the address that the management port listens on."""
        if not url:
            named = socket.gethostname() if host in _EVERY_ADDRESS else host
            url = f"http://[{named}]:{port}" if ":" in named else f"http://{named}:{port}"
        return cls(url.rstrip("/"), secrets.token_hex(8))

    @property
    def endpoint(self) -> str:
        return f"{self.url}/{self.instance}"


class Guard:
    """Admits requests of other hosts to the connections of this process."""

    def __init__(self, identity: Identity, hashes: list[bytes]) -> None:
        self._identity, self._hashes = identity, hashes

    def is_host(self, headers: dict[str, str]) -> bool:
        """Whether the sender knows the hosts' secret."""
        given = hashlib.sha256(headers.get(aws.HOST_SECRET_HEADER.lower(), "").encode()).digest()
        matches = [hmac.compare_digest(given, each) for each in self._hashes]
        return any(matches)

    def is_meant(self, path: str) -> bool:
        """Whether a request is for this process, and not for an earlier one at the same address."""
        first = path.lstrip("/").partition("/")[0]
        return first in (self._identity.instance, "@connections", "%40connections")


class HostSweeper:
    """Deletes the sockets of hosts that are gone, in the background."""

    def __init__(self, identity: Identity, sockets: DynamoSockets) -> None:
        self._identity, self._sockets = identity, sockets
        self._watched: set[str] = set()
        self._lock = threading.Lock()

    def sweep_earlier(self) -> None:
        """Delete the sockets of earlier processes at this address, which ended with them."""
        own = self._identity
        self._start(lambda: self.sweep(lambda host: host.startswith(f"{own.url}/") and host != own.endpoint))

    def note_unreachable(self, host: str) -> None:
        """Watch a host that took no connection. If it goes on like this, delete its sockets."""
        with self._lock:
            if host in self._watched or host == self._identity.endpoint:
                return
            self._watched.add(host)
        self._start(lambda: self._watch(host))

    def sweep(self, is_gone: Callable[[str], bool]) -> int:
        """Delete the sockets whose host is gone, and return how many there were.

        Store calls: one for each shard of the index, one for each person who listens, and one for each socket.
        """
        count = 0
        for user_id in list(self._sockets.list_listeners()):
            for each in self._sockets.list_of(user_id):
                if each.host and is_gone(each.host):
                    self._sockets.remove(each)
                    count += 1
        if count:
            log.warning("deleted %d sockets of hosts that are gone", count)
        return count

    def _watch(self, host: str) -> None:
        try:
            for _ in range(PROBES):
                time.sleep(GONE_SECONDS / PROBES)
                if _takes_connections(host):
                    return
            self.sweep(lambda each: each == host)
        finally:
            with self._lock:
                self._watched.discard(host)

    def _start(self, work: Callable[[], object]) -> None:
        def run() -> None:
            try:
                work()
            except Exception:
                log.exception("the sockets of a host that is gone were not deleted")

        threading.Thread(target=run, daemon=True, name="host sweeper").start()


def _takes_connections(host: str) -> bool:
    address = urlsplit(host)
    try:
        socket.create_connection((address.hostname or "", address.port or 80), timeout=_PROBE_SECONDS).close()
    except OSError:
        return False
    return True
