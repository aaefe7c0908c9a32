"""Milliseconds from a publish to its frame on an open WebSocket: `python -m bench.push_latency [times]`.

Starts a desk on free ports, publishes one event after the other, and waits for each frame. Prints the time from the
start of the HTTP request to the response, and to the frame.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

from websockets.sync.client import connect

from tests.support import inputs
from tests.support.started_desk import send_request, start_desk

_TIMES = 200


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else _TIMES
    settings = {"FLUXDEN_PERSONAL_BUDGET": "1000000", "FLUXDEN_DEMO_DAILY_LIMIT": "1000000"}
    replies, frames = list[float](), list[float]()
    with tempfile.TemporaryDirectory() as folder, start_desk(Path(folder), **settings) as system:
        key = {"Authorization": f"Bearer {system.alice_key}"}
        with connect(system.demo["ws_url"], additional_headers=key, proxy=None) as socket, system.connection() as http:
            assert json.loads(socket.recv(5))["type"] == "connected"
            for _ in range(times):
                start = time.perf_counter()
                answer = send_request(http, "POST", "/api/v1/events", inputs.new_event(), system.alice)
                replies.append(time.perf_counter() - start)
                while (frame := json.loads(socket.recv(5)))["type"] == "heartbeat":
                    pass
                frames.append(time.perf_counter() - start)
                assert frame["deliveryId"] == answer.json["deliveryId"]
    for name, seconds in (("reply", replies), ("frame", frames)):
        found = [each * 1000 for each in seconds]
        print(f"{name}: median {median(found):.1f} ms, p95 {quantiles(found, n=20)[-1]:.1f} ms, of {times}")


if __name__ == "__main__":
    main()
