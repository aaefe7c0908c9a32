"""What processes of this machine do, as Linux tells it."""

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Process:
    """A process, its parent, and the name of its program."""

    number: int
    parent: int
    command: str


def list_family(number: int) -> list[Process]:
    """Return a process and all that descend from it."""
    known = [each for folder in Path("/proc").glob("[0-9]*") if (each := _read(folder))]
    family = {number}
    while more := {each.number for each in known if each.parent in family} - family:
        family |= more
    return [each for each in known if each.number in family]


def cpu_seconds(process: Process) -> float:
    """Return the time that a process has run for, in all its threads."""
    fields = Path(f"/proc/{process.number}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def count_switches(process: Process) -> int:
    """Return how often the threads of a process have gone to sleep, and so been woken."""
    count = 0
    for status in Path(f"/proc/{process.number}/task").glob("*/status"):
        try:
            lines = status.read_text(encoding="utf-8").splitlines()
        except OSError:  # the thread has just ended
            continue
        count += sum(int(each.split()[1]) for each in lines if each.startswith("voluntary_ctxt_switches"))
    return count


def _read(folder: Path) -> Process | None:
    try:
        before, _, after = (folder / "stat").read_text(encoding="utf-8").rpartition(")")
    except OSError:
        return None
    return Process(int(folder.name), int(after.split()[1]), before.partition("(")[2])
