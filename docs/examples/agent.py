"""An agent that processes its person's queue, in forty lines: `python docs/examples/agent.py WS_URL BASE_URL KEY`.

It receives live events, works on items in progress, and reports their results. You can stop and restart it at any time:
it stores the id of the last frame that it has processed, and resumes after it.
"""

import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

LAST = Path("agent.last")


def call(base: str, key: str, method: str, path: str, body: Any = None) -> Any:
    request = urllib.request.Request(  # noqa: S310 - the desk's own address
        f"{base}/api/v2{path}",
        None if body is None else json.dumps(body).encode(),
        {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request) as reply:  # noqa: S310
        return json.load(reply)["data"]


def work(base: str, key: str) -> None:
    for item in call(base, key, "GET", "/queue?status=in_progress")["items"]:
        print(f"working on: {item['title']}", flush=True)
        done = call(base, key, "POST", f"/queue/{item['id']}/result", {"result": f"Did it: {item['title']}"})
        dispatched = done["autoDispatched"]
        print(f"done; next: {dispatched['title'] if dispatched else 'nothing'}", flush=True)
        if dispatched:
            work(base, key)


def main(ws_url: str, base: str, key: str) -> None:
    while True:
        last = LAST.read_text() if LAST.exists() else None
        headers = {"Authorization": f"Bearer {key}"} | ({"Last-Event-ID": last} if last else {})
        try:
            with connect(ws_url, additional_headers=headers) as socket:
                work(base, key)
                for text in socket:
                    frame = json.loads(text)
                    print(frame["type"], flush=True)
                    if frame["type"] == "queue_changed" and frame["newStatus"] == "in_progress":
                        work(base, key)
                    LAST.write_text(frame["id"])
        except ConnectionClosed:
            continue


if __name__ == "__main__":
    main(*sys.argv[1:])
