"""Cold start: from the start of a process to its first response: `python -m bench.cold_start [times]`.

Publishes one event with the function of `POST /api/v1/events` from the zips in `build` (make package), and with two
others that make the same store calls: a bare handler on boto3, and FastAPI + Mangum with the same models and use case.
They take turns. Each call runs in a new process that can only import what it ships. The stores run in another process,
which replays their replies over TLS. CPU depends less than time on what else the machine does.
"""

import sys
import time
from statistics import median, quantiles

from bench.peers import BARE, FASTAPI, OURS, Peer, peers, read_cpu
from bench.results import save_results

_TIMES = 15
# Targets, relative to the medians of the others.
_MOST_OF_BARE, _MOST_OF_FASTAPI = 1.5, 0.7


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else _TIMES
    with peers() as all_peers:
        taken: dict[str, list[float]] = {name: [] for name in all_peers}
        cpu: dict[str, list[float]] = {name: [] for name in all_peers}
        for number in range(times + 1):
            for name, peer in all_peers.items():
                found = _measure(peer)
                if number:  # the first round warms the caches of the machine
                    taken[name].append(found[0] * 1000)
                    cpu[name].append(found[1] * 1000)
    save_results("cold-start", {name: median(found) for name, found in taken.items()})
    save_results("cold-start-cpu", {name: median(found) for name, found in cpu.items()})
    _report("time", taken)
    _report("CPU", cpu)
    print(f"target: at most {_MOST_OF_BARE} of {BARE}, and {_MOST_OF_FASTAPI} of {FASTAPI}")


def _measure(peer: Peer) -> tuple[float, float]:
    """Return the seconds of time and of CPU until the first reply."""
    started = time.perf_counter()
    with peer.start() as process:
        cpu = read_cpu(process)
        return time.perf_counter() - started, cpu


def _report(what: str, measured: dict[str, list[float]]) -> None:
    ours = measured[OURS]
    print(f"{f'milliseconds of {what}':<24}{'median':>8}{'p90':>8}   of ours, paired")
    for name, found in measured.items():
        ratio = median(mine / theirs for mine, theirs in zip(ours, found, strict=True))
        print(f"{name:<24}{median(found):>8.0f}{quantiles(found, n=10)[-1]:>8.0f}{ratio:>9.2f}")


if __name__ == "__main__":
    main()
