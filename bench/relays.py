"""Relays per second to other desks: `python -m bench.relays [relays]`.

Runs on the embedded engine with the local pumps. The other desks are HTTP servers on loopback that accept
everything, so only our side is measured: leases, signatures, requests and records. Prints the rate to one desk, which
gets relays in order, and to ten desks together.
"""

import os
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from chalicelib.federation.relays.domain.outbox import OutboxJob
from chalicelib.federation.relays.gateways.outbox import OUTBOX_JOBS
from chalicelib.resources import OUTBOX_WORK
from chalicelib.vault import new_key
from infra.local import engine
from infra.local.pump import start as start_pumps
from tests.support import engine_state
from tests.support.api import Api
from tests.support.peer import CONNECTIONS, allow_federation, connection_request
from tests.support.receiver import Receiver

_RELAYS = 200
_LONGEST_SECONDS = 300


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else _RELAYS
    os.environ |= {"FLUXDEN_KEY_BUDGET": "1000000", "ALLOW_LOOPBACK": "1", "FLUXDEN_SECRET_KEY": new_key()}
    engine.embed()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["DEMO_FILE"] = str(Path(folder) / "demo.json")
        for desks in (1, 10):
            seconds = _seconds_to_drain(desks, count)
            print(f"{count} relays to {desks} desk{'s' if desks > 1 else ''}: {count / seconds:.1f} relays a second")


def _seconds_to_drain(desks: int, count: int) -> float:
    """Return the seconds until all desks have received their share of `count` relays."""
    from app import app
    from infra import catalog

    api, key = Api(), str(engine_state.restore_demo_organisation()["api_keys"]["alice"])
    allow_federation()
    with ExitStack() as running:
        receivers = [running.enter_context(Receiver()) for _ in range(desks)]
        urls = [f"http://127.0.0.1:{each.port}" for each in receivers]
        tokens = [f"the-token-of-desk-{number}" for number in range(desks)]
        asked = [
            connection_request(fromInstanceUrl=url, federationToken=token)
            for url, token in zip(urls, tokens, strict=True)
        ]
        connections = [api.post(CONNECTIONS, each).json["connectionId"] for each in asked]
        for number in range(count):
            body = {"connectionId": connections[number % desks], "subject": f"Relay {number}"}
            assert api.post("/api/v2/relays", body, key).status == 201  # noqa: PLR2004 - HTTP's
        (worker,) = (each for each in catalog.consumers(app) if each.queue == OUTBOX_WORK)
        for url in urls:
            OUTBOX_JOBS.announce(OutboxJob(peer_url=url))
        start = time.perf_counter()
        (pump,) = start_pumps([worker], watch=engine)
        while sum(len(each.received) for each in receivers) < count:
            if time.perf_counter() - start > _LONGEST_SECONDS:
                sys.exit("the relays do not arrive")
            time.sleep(0.01)
        seconds = time.perf_counter() - start
        pump.stop()
        time.sleep(1)  # the workers' last writes
    return seconds


if __name__ == "__main__":
    main()
