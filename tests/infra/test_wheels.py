"""Dependencies are chosen for the target by their tags, whatever machine packages them."""

import re
import struct
import subprocess
from pathlib import Path

import pytest

from infra.target import BUILD_PYTHON, PYTHONS, Target
from infra.wheels import Misfit, install, list_misfits

embedded = pytest.mark.engine("embedded")

_ARM = Target("3.13", "arm64")


@embedded
@pytest.mark.parametrize(
    ("target", "platform", "runs"),
    [
        (_ARM, "any", True),
        (_ARM, "manylinux_2_34_aarch64", True),
        (_ARM, "manylinux2014_aarch64", True),
        (_ARM, "manylinux_2_35_aarch64", False),
        (_ARM, "manylinux_2_17_x86_64", False),
        (_ARM, "musllinux_1_2_aarch64", False),
        (_ARM, "macosx_11_0_arm64", False),
        (_ARM, "linux_aarch64", False),
        (Target("3.11", "x86_64"), "manylinux1_x86_64", True),
        (Target("3.11", "x86_64"), "manylinux_2_26_x86_64", True),
        # Python 3.11 runs on an older system.
        (Target("3.11", "x86_64"), "manylinux_2_28_x86_64", False),
    ],
)
def test_a_platform_tag_runs_where_its_processor_and_glibc_are(target: Target, platform: str, runs: bool) -> None:
    assert target.runs(platform) is runs


def elf(machine: int) -> bytes:
    return b"\x7fELF" + bytes(14) + struct.pack("<H", machine) + bytes(40)


def dependency(folder: Path, tag: str, compiled: bytes = b"", name: str = "some.so") -> Path:
    about = folder / "some-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "WHEEL").write_text(f"Wheel-Version: 1.0\nTag: {tag}\n", encoding="utf-8")
    (folder / name).write_bytes(compiled)
    return folder


@embedded
@pytest.mark.parametrize(
    ("tag", "compiled", "name", "line"),
    [
        ("cp313-cp313-manylinux_2_28_aarch64", elf(183), "some.so", ""),
        ("cp311-abi3-manylinux_2_28_aarch64", elf(183), "some.so", ""),
        ("py3-none-any", b"", "some.py", ""),
        ("cp314-abi3-manylinux_2_28_aarch64", elf(183), "some.so", "its wheel is for cp314-abi3"),
        ("cp312-cp312-manylinux_2_28_aarch64", elf(183), "some.so", "its wheel is for cp312"),
        ("cp313-cp313-manylinux_2_28_x86_64", elf(62), "some.so", "its wheel is for cp313-cp313-manylinux_2_28_x86_64"),
        # A wheel that says something else than it has.
        ("py3-none-any", elf(62), "some.so", "some.so is built for processor 62, not 183"),
        ("py3-none-any", b"", "some.dylib", "some.dylib is built for another system"),
    ],
)
def test_a_dependency_for_something_else_is_found(
    tag: str, compiled: bytes, name: str, line: str, tmp_path: Path
) -> None:
    found = list_misfits(_ARM, dependency(tmp_path, tag, compiled, name))
    assert any(line in each for each in found) if line else found == []


@embedded
def test_a_dependency_without_a_wheel_for_the_target_is_an_error_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wheelhouse without wheels stands for the package index, which tests don't ask."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(Misfit, match=r"no wheels for Python 3\.13 on arm64:[\s\S]*boto3|aws-lambda-powertools|apprise"):
        install(_ARM, tmp_path / "made")


@embedded
def test_nothing_of_another_machine_is_run_on_this_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """pip is only asked to unpack wheels: it builds nothing, and compiles nothing."""
    asked: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    install(_ARM, tmp_path)
    (command,) = asked
    assert {"--only-binary=:all:", "--no-compile", "--python-version=3.13", "--platform=manylinux2014_aarch64"} <= {
        *command
    }
    assert not [each for each in command if re.search(r"x86_64|3\.11", each) and each.startswith("--")]


@embedded
def test_every_version_of_python_that_can_be_packaged_is_one_that_the_project_supports() -> None:
    assert BUILD_PYTHON in PYTHONS
    assert min(PYTHONS, key=lambda each: int(each.partition(".")[2])) == "3.11"


@pytest.mark.engine("real")
@pytest.mark.parametrize("target", [_ARM, Target("3.12", "x86_64")], ids=["arm64", "x86_64"])
def test_the_pinned_dependencies_have_wheels_for_another_machine(target: Target, tmp_path: Path) -> None:
    """Asks the package index, as `make package` does."""
    install(target, tmp_path)
    compiled = [each for each in tmp_path.rglob("*.so") if each.is_file()]
    machines = {struct.unpack_from("<H", each.read_bytes()[:20], 18)[0] for each in compiled}
    assert machines == {target.elf_machine}
    assert len(compiled) > 2
    assert "pydantic_core" in {each.parent.name for each in compiled}
