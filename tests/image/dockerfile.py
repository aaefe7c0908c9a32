"""Carry out the steps of a Dockerfile without Docker: its files below a folder, its commands in a shell."""

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

# Folders of an image that stand below the folder of their stage. Everything else is this machine's.
_OWN = re.compile(r"(?<![\w./-])/(?=(?:app|opt)\b)")


@dataclass
class Stage:
    """A stage as its steps left it: its files are below `root`."""

    root: Path
    workdir: str = "/"
    user: str = "0:0"
    environment: dict[str, str] = field(default_factory=dict)
    commands: dict[str, list[str]] = field(default_factory=dict)

    def path(self, name: str) -> Path:
        """Return where a file of the stage is on this machine."""
        inside = Path(self.workdir) / name
        return self.root / os.path.normpath(inside).lstrip("/")

    def own(self, text: str) -> str:
        """Return the text with the stage's folders as they are on this machine."""
        return _OWN.sub(f"{self.root}/", text)


def read_steps(file: Path) -> list[tuple[str, str]]:
    """Return the instructions of a Dockerfile with their arguments."""
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(name, rest) for line in joined.splitlines() if line.strip() for name, _, rest in [line.partition(" ")]]


def build(file: Path, context: Path, folder: Path, python: str) -> Stage:
    """Carry out every step of the file, with `python` as the base images' Python, and return the last stage."""
    stages: dict[str, Stage] = {}
    stage = Stage(folder)
    for name, rest in read_steps(file):
        match name:
            case "FROM":
                _, _, alias = rest.partition(" AS ")
                stage = stages[alias or "last"] = Stage(folder / (alias or "last"))
                stage.root.mkdir()
            case "COPY":
                _copy(stage, stages, context, shlex.split(rest))
            case "RUN":
                _run(stage, rest, python)
            case _:
                _set(stage, name, rest)
    return stage


def _set(stage: Stage, name: str, rest: str) -> None:
    match name:
        case "WORKDIR":
            stage.workdir = rest
            stage.path(".").mkdir(parents=True, exist_ok=True)
        case "ENV":
            key, _, value = rest.partition("=")
            stage.environment[key] = stage.own(value)
        case "USER":
            stage.user = rest
        case "ENTRYPOINT" | "CMD":
            stage.commands[name] = json.loads(rest)
        case "HEALTHCHECK":
            stage.commands[name] = json.loads(rest.partition("CMD ")[2])
        case "EXPOSE" | "STOPSIGNAL":
            pass
        case _:
            raise ValueError(f"{name} is not carried out")


def _copy(stage: Stage, stages: dict[str, Stage], context: Path, words: list[str]) -> None:
    *sources, target = [each for each in words if not each.startswith("--")]
    (origin,) = [each.removeprefix("--from=") for each in words if each.startswith("--from=")] or [""]
    for source in sources:
        found = stages[origin].path(source) if origin else context / source
        into = stage.path(target)
        if found.is_dir():
            shutil.copytree(found, into, symlinks=True, ignore=None if origin else _ignored(context))
        else:
            shutil.copy(found, into / found.name if target.endswith("/") else into)


def _ignored(context: Path) -> Callable[[str, list[str]], set[str]]:
    lines = (context / ".dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [each.removeprefix("**/") for each in lines if each and each[0] not in "#!*"]
    patterns += [each.removeprefix("**/") for each in lines if each.startswith("**/")]

    def ignore(folder: str, names: list[str]) -> set[str]:
        inner = Path(folder).relative_to(context)
        return {
            each
            for each in names
            for pattern in patterns
            if fnmatch.fnmatch(str(inner / each), pattern) or fnmatch.fnmatch(each, pattern)
        }

    return ignore


def _run(stage: Stage, command: str, python: str) -> None:
    shown = stage.own(re.sub(r"^python\b", shlex.quote(python), command))
    environment = {"PATH": os.environ["PATH"], "HOME": str(stage.root)} | stage.environment
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "REQUESTS_"))}
    subprocess.run(["sh", "-ec", shown], cwd=stage.path("."), env=kept | environment, check=True)
