"""The shell blocks of a page: read them, run them in one shell, and compare what they print with what is shown."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.support.started_desk import ROOT

# A block without a language is run. These are not.
NOT_RUN = {
    "aws": "needs an AWS account",
    "text": "is not a command, or shows what another one prints",
    "http": "is a request that the desk sends",
    "json": "is a document",
    "python": "is a program",
    "ts": "is a program",
}
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_OPENED = re.compile(r"^```", re.MULTILINE)
_WITHIN_SECONDS = 90
# What differs from run to run, and is shown as an example.
_VARYING = re.compile(
    r"""(?x)
      [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}
    | (?:req|sse)_[\w-]+
    | \d{4}-\d\d-\d\dT[\d:.]+Z
    | 127\.0\.0\.1:\d+
    | (?<=Remaining:)\d+
    | (?<!\d)\d{16}(?!\d)
    | (?<![\w.])\d+\.\d(?![\d.])
    """
)
_CUT = re.compile(r"[\w-]+$")


@dataclass(frozen=True)
class Command:
    """A command of a page, with the output that the page shows below it."""

    text: str
    shown: str = ""


@dataclass(frozen=True)
class Block:
    """A fenced block, with the number of its first line."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def commands(self) -> list[Command]:
        """Return the commands: each `$ ` begins one, or the whole block is one."""
        if not self.text.startswith("$ "):
            return [Command(self.text)]
        return [_session_command(each) for each in re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]]


def read_blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page in order."""
    text = page.read_text(encoding="utf-8")
    blocks = [
        Block(page, text.count("\n", 0, found.start()) + 2, found[1], found[2]) for found in _FENCE.finditer(text)
    ]
    assert len(_OPENED.findall(text)) == 2 * len(blocks), f"a fence of {page.name} is not closed"
    return blocks


def _session_command(text: str) -> Command:
    """Split a command from its output: it ends with the first line at which a shell would run it."""
    lines = text.splitlines(keepends=True)
    for count in range(1, len(lines)):
        command = "".join(lines[:count])
        if not command.endswith(("\\\n", "|\n")) and _is_complete(command):
            return Command(command, "".join(lines[count:]))
    return Command(text)


def _is_complete(command: str) -> bool:
    command = re.sub(r"<[a-z ]+>", "placeholder", command)
    return subprocess.run(["bash", "-n", "-c", command], capture_output=True, check=False).returncode == 0


def missing_parts(shown: str, printed: str) -> Iterator[str]:
    """Return what the page shows and the command did not print.

    An ellipsis stands for anything, a word that it cuts is not compared, and neither are white space, ids, times and
    ports. The order of lines is not compared, because a job in the background prints between the others.
    """
    whole = _comparable(printed)
    for line in shown.splitlines():
        parts = line.split("…")
        for number, part in enumerate(parts, 1):
            wanted = _comparable(part if number == len(parts) else _CUT.sub("", part))
            if wanted not in whole:
                yield part.strip()


def _successes(command: str) -> set[int]:
    # A stream ends when curl's time is over, which curl reports.
    return {0, 28} if re.search(r"curl .*-m \d", command) else {0}


def _comparable(text: str) -> str:
    return "".join(_VARYING.sub("#", text).split())


@dataclass
class Shell:
    """One shell for the commands of a page, so that its variables, functions and jobs live on.

    `replaced` are texts of commands that are replaced before they run; `steps` are whole lines that a function of the
    test carries out.
    """

    folder: Path
    environment: Mapping[str, str]
    replaced: Mapping[str, Callable[[], str]]
    steps: Mapping[str, Callable[["Shell"], None]]

    def __enter__(self) -> Self:
        self._printed = self.folder / "printed"
        self._printed.touch()
        with self._printed.open("ab") as printed:
            self._process = subprocess.Popen(
                # Job control, as in the shell that the page is read for.
                ["bash", "--norc", "--noprofile", "-m"],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=printed,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        self._count = 0
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        with self._process.stdin as stdin, suppress(BrokenPipeError):
            stdin.write("kill $(jobs -p) 2>/dev/null; exit\n")
        self._process.wait(10)

    def run(self, command: Command) -> str:
        """Run a command, check its exit code and its output, and return what was printed."""
        for line in command.text.splitlines():
            if line in self.steps:
                before, _, after = command.text.partition(f"{line}\n")
                printed = self.run(Command(before)) if before else ""
                self.steps[line](self)
                return printed + (self.run(Command(after, command.shown)) if after else "")
        text = command.text.replace(".venv/bin/python", sys.executable)
        for old, new in self.replaced.items():
            if old in text:
                text = text.replace(old, new())
        start = self._printed.stat().st_size
        assert self._evaluate(text) in _successes(text), f"{text}\nfailed:\n{self._read(start)}"
        deadline = time.monotonic() + _WITHIN_SECONDS
        while missing := list(missing_parts(command.shown, self._read(start))):
            # A job in the background may still have to print it.
            assert time.monotonic() < deadline, f"{text}\nshould print {missing}, but printed:\n{self._read(start)}"
            time.sleep(0.05)
        self._note_secrets(self._read(start))
        return self._read(start)

    def value(self, name: str) -> str:
        """Return a variable of the shell."""
        start = self._printed.stat().st_size
        assert self._evaluate(f'echo "${{{name}}}"') == 0
        return self._read(start).rstrip("\n")

    def set_value(self, name: str, value: str) -> None:
        """Set a variable of the shell."""
        assert self._evaluate(f"{name}='{value}'") == 0

    def _note_secrets(self, printed: str) -> None:
        # A page says "the token, here in $TOKEN" of what was printed under this heading.
        for name, value in re.findall(r"^(TOKEN|KEY) +(\S+)$", printed, re.MULTILINE):
            self.set_value(name, value)

    def _evaluate(self, text: str) -> int:
        self._count += 1
        script, done = self.folder / f"{self._count}.sh", self.folder / f"{self._count}.done"
        script.write_text(text, encoding="utf-8")
        assert self._process.stdin
        # The commands must not read what the shell still has to read.
        self._process.stdin.write(f". {script} < /dev/null; echo $? > {done}.draft; mv {done}.draft {done}\n")
        self._process.stdin.flush()
        deadline = time.monotonic() + _WITHIN_SECONDS
        while not done.exists():
            assert self._process.poll() is None and time.monotonic() < deadline, f"{text}\ndoes not end"
            time.sleep(0.01)
        return int(done.read_text(encoding="utf-8"))

    def _read(self, start: int) -> str:
        with self._printed.open("rb") as file:
            file.seek(start)
            return file.read().decode(errors="replace")


def new_folder(folder: Path, demo_file: Path | None = None) -> Path:
    """Return a folder that looks like a clone of the project, whose desk has this demo file."""
    made = folder / "clone"
    made.mkdir()
    for each in ROOT.iterdir():
        if each.name not in {".chalice", ".git"}:
            (made / each.name).symlink_to(each)
    (made / ".chalice" / "local").mkdir(parents=True)
    (made / ".chalice" / "config.json").symlink_to(ROOT / ".chalice" / "config.json")
    if demo_file:
        (made / ".chalice" / "local" / "demo.json").symlink_to(demo_file)
    return made
