"""Whole CPU of a warm publish, its store calls over TLS included: `python -m bench.warm [rounds]`.

The same peers as `bench.cold_start`, each in a process of its own that has published before. They take turns.
"""

import sys
from contextlib import ExitStack
from statistics import quantiles

from bench.peers import OURS, peers, read_cpu
from bench.results import save_results

_ROUNDS, _CALLS = 25, 20


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else _ROUNDS
    with peers() as all_peers, ExitStack() as running:
        started = {name: running.enter_context(peer.start()) for name, peer in all_peers.items()}
        found: dict[str, list[float]] = {name: [] for name in started}
        for process in started.values():
            read_cpu(process)
        for number in range(rounds + 1):
            for name, process in started.items():
                assert process.stdin is not None
                process.stdin.write(f"{_CALLS}\n")
                process.stdin.flush()
                cpu = read_cpu(process)
                if number:
                    found[name].append(cpu * 1_000_000)
    # Lower quartiles, because noise only adds.
    taken = {name: quantiles(each, n=4)[0] for name, each in found.items()}
    save_results("warm", taken)
    for name, cpu in taken.items():
        print(f"{name:<24}{cpu:>8.0f} microseconds{taken[OURS] / cpu:>9.2f} of ours")


if __name__ == "__main__":
    main()
