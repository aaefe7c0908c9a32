"""An agent that works off its person's queue: `python docs/examples/agent.py WS_URL BASE_URL KEY`.

It listens for live events, completes each task that is in progress, and reports the result. You can stop it and start
it again at any time: it stores the id of the last event that it has handled, and resumes after it.
"""

import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

LAST_EVENT_ID = Path("agent.last")


def call_api(base: str, key: str, method: str, path: str, body: Any = None) -> Any:
    request = urllib.request.Request(  # noqa: S310 - the URL of the desk
        f"{base}/api/v2{path}",
        None if body is None else json.dumps(body).encode(),
        {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request) as reply:  # noqa: S310
        return json.load(reply)["data"]


def work_on_tasks(base: str, key: str) -> None:
    for item in call_api(base, key, "GET", "/queue?status=in_progress")["items"]:
        print(f"working on: {item['title']}", flush=True)
        completed = call_api(base, key, "POST", f"/queue/{item['id']}/result", {"result": f"Did it: {item['title']}"})
        next_task = completed["autoDispatched"]
        print(f"done; next: {next_task['title'] if next_task else 'nothing'}", flush=True)
        if next_task:
            work_on_tasks(base, key)


def main(ws_url: str, base: str, key: str) -> None:
    while True:
        last = LAST_EVENT_ID.read_text() if LAST_EVENT_ID.exists() else None
        headers = {"Authorization": f"Bearer {key}"} | ({"Last-Event-ID": last} if last else {})
        try:
            with connect(ws_url, additional_headers=headers) as socket:
                work_on_tasks(base, key)
                for text in socket:
                    frame = json.loads(text)
                    if frame["type"] != "heartbeat":
                        print(frame["type"], flush=True)
                    if frame["type"] == "queue_changed" and frame["newStatus"] == "in_progress":
                        work_on_tasks(base, key)
                    LAST_EVENT_ID.write_text(frame["id"])
        except ConnectionClosed:
            continue


if __name__ == "__main__":
    main(*sys.argv[1:])
