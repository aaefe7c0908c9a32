"""Install the functions' dependencies for another machine: from wheels chosen by platform tag, none of which is run."""

import re
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from infra.target import Target

_ROOT = Path(__file__).parents[1]
_ELF = b"\x7fELF"
_TAG = re.compile(r"^Tag: (\S+)$", re.MULTILINE)


class Misfit(Exception):
    """A dependency has no wheel for the target, or one that does not run there."""


def install(target: Target, folder: Path) -> None:
    """Install the pinned dependencies for `target` into `folder`.

    Raises:
        Misfit: a dependency has no wheel for the target, or a file of it is built for something else.
    """
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    # Nothing is built from source, because that would run code here and build for this machine.
    command += [
        "--only-binary=:all:",
        "--implementation=cp",
        f"--python-version={target.python}",
        f"--abi={target.abi}",
    ]
    command += ["--abi=abi3", "--abi=none"]
    command += [f"--platform={each}" for each in target.platforms]
    command += ["--requirement", str(_ROOT / "requirements.txt"), "--constraint", str(_ROOT / "constraints.txt")]
    done = subprocess.run([*command, "--target", str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Misfit(f"no wheels for Python {target.python} on {target.architecture}:\n{done.stderr.strip()}")
    if misfits := list_misfits(target, folder):
        raise Misfit("\n".join(misfits))


def list_misfits(target: Target, folder: Path) -> list[str]:
    """Return a line for each wheel and each compiled file in `folder` that does not run on the target."""
    return [*_wrong_tags(target, folder), *_wrong_machines(target, folder)]


def _wrong_tags(target: Target, folder: Path) -> Iterator[str]:
    for about in sorted(folder.glob("*.dist-info/WHEEL")):
        tags = _TAG.findall(about.read_text(encoding="utf-8"))
        if not any(_fits(target, tag) for tag in tags):
            yield f"{about.parent.name}: its wheel is for {', '.join(tags)}"


def _fits(target: Target, tag: str) -> bool:
    python, abi, platform = tag.split("-")
    fits_python = abi in (target.abi, "none") or (abi == "abi3" and _is_older(python, target))
    return fits_python and target.runs(platform)


def _is_older(python: str, target: Target) -> bool:
    # A wheel for the stable ABI runs on the version that it names and on later ones.
    return int(python.removeprefix("cp3")) <= int(target.python.partition(".")[2])


def _wrong_machines(target: Target, folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                head = file.read(20)
            if head.startswith(_ELF) and (machine := struct.unpack_from("<H", head, 18)[0]) != target.elf_machine:
                yield f"{path.relative_to(folder)} is built for processor {machine}, not {target.elf_machine}"
            elif path.suffix in {".dylib", ".pyd"}:
                yield f"{path.relative_to(folder)} is built for another system"
