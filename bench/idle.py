"""What an idle desk costs: `python -m bench.idle [seconds]`.

Starts `make run` with its reloader, `make run ENGINE=dynamodb-local`, and the container host, each alone. Waits until
they are at rest, and prints the share of a core and the wake-ups of their own processes (not of the engines) over the
time, a minute by default. Exits with 1 if one takes 2 % of a core. Without Java, only the first is measured.
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from bench.host import create_organisation, started_engine, stop_host
from bench.machine import describe_machine
from bench.results import save_results
from infra.local import engines
from tests.support.processes import count_switches, cpu_seconds, list_family
from tests.support.started_container import launch_container, wait_until_ready
from tests.support.started_desk import start_desk

_SECONDS, _SETTLE_SECONDS = 60.0, 25.0
_MOST_SHARE = 0.02


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else _SECONDS
    print(describe_machine())
    figures = {}
    for name, process in _started_desks():
        time.sleep(_SETTLE_SECONDS)
        family = [each for each in list_family(process) if each.command != "java"]
        before, woken, begun = sum(map(cpu_seconds, family)), sum(map(count_switches, family)), time.monotonic()
        time.sleep(seconds)
        took = time.monotonic() - begun
        share = (sum(map(cpu_seconds, family)) - before) / took
        wakes = (sum(map(count_switches, family)) - woken) / took
        print(f"{name}: {share:.2%} of a core, {wakes:.0f} wake-ups a second (at most {_MOST_SHARE:.0%})")
        figures[name] = {"share": share, "wakeUpsPerSecond": wakes}
    save_results("idle", figures)
    if any(each["share"] > _MOST_SHARE for each in figures.values()):
        sys.exit("An idle desk takes more than it should.")


def _started_desks() -> Iterator[tuple[str, int]]:
    with tempfile.TemporaryDirectory() as folder:
        with start_desk(Path(folder) / "embedded", Path.cwd(), ()) as desk:
            yield "make run", desk.process.pid
        try:
            engines.fetch_engines()
        except engines.EnginesUnavailable as missing:
            print(missing)
            return
        options = {"ENGINE": "dynamodb-local", "DATA_DIR": f"{folder}/data"}
        with start_desk(Path(folder) / "external", **options) as desk:
            yield "make run ENGINE=dynamodb-local", desk.process.pid
        with started_engine(Path(folder)), ExitStack() as running:
            create_organisation()
            host = launch_container(Path(folder))
            running.callback(stop_host, host)
            wait_until_ready(host)
            yield "make container-run", host.process.pid


if __name__ == "__main__":
    os.environ.setdefault("FLUXDEN_BASE_URL", "http://desk.test")
    main()
