"""What a package is built for: a version of Python and a processor on AWS Lambda, whatever the build machine has."""

import platform
import re
import sys
from dataclasses import dataclass

# The processors by Lambda's name: their name in wheels, and their number in an ELF header.
_PROCESSORS = {"x86_64": ("x86_64", 62), "arm64": ("aarch64", 183)}
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
# Versions of glibc for which wheels are built, newest first. Lambda's Python 3.11 runs on Amazon Linux 2 with glibc
# 2.26, the later ones on Amazon Linux 2023 with 2.34.
_GLIBC = (34, 31, 28, 27, 26, 24, 17)
_GLIBC_OF_AMAZON_LINUX_2 = 26
_GLIBC_OF_OLDER_TAGS = {"1": 5, "2010": 12, "2014": 17}
BUILD_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True)
class Target:
    """A version of Python such as `3.13`, and a processor as Lambda names it."""

    python: str = BUILD_PYTHON
    architecture: str = "x86_64"

    @property
    def runtime(self) -> str:
        return f"python{self.python}"

    @property
    def machine(self) -> str:
        return _PROCESSORS[self.architecture][0]

    @property
    def elf_machine(self) -> int:
        return _PROCESSORS[self.architecture][1]

    @property
    def _glibc(self) -> int:
        return _GLIBC_OF_AMAZON_LINUX_2 if self.python == "3.11" else _GLIBC[0]

    @property
    def platforms(self) -> list[str]:
        """Return the platform tags whose wheels are looked for, best first. pip adds those of older systems."""
        tags = [f"manylinux_2_{minor}_{self.machine}" for minor in _GLIBC if minor <= self._glibc]
        return [*tags, f"manylinux2014_{self.machine}"]

    def runs(self, platform: str) -> bool:
        """Tell if wheels with this platform tag run there."""
        match re.fullmatch(r"manylinux(?:_2_(\d+)|(\d+))_(\w+)", platform):
            case re.Match() as found:
                glibc = int(found[1]) if found[1] else _GLIBC_OF_OLDER_TAGS[found[2]]
                return found[3] == self.machine and glibc <= self._glibc
        return platform == "any"

    @property
    def abi(self) -> str:
        return f"cp{self.python.replace('.', '')}"

    @property
    def has_snapshots(self) -> bool:
        """Whether Lambda can start its functions from snapshots."""
        return self.python != "3.11"

    @property
    def is_build_machine(self) -> bool:
        """Whether the package can be loaded on this machine."""
        here = sys.platform, platform.machine(), BUILD_PYTHON
        return here == ("linux", self.machine, self.python)
