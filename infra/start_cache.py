"""Write what functions would compile again at every start into the package."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from infra.target import BUILD_PYTHON, Target

_RECORDER = Path(__file__).with_name("start_recorder.py")
_ENVIRONMENT = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "FLUXDEN_SOCKETS_URL": "https://sockets.execute-api.us-east-1.amazonaws.com/desk",
    # Sets are walked through in the same order each time.
    "PYTHONHASHSEED": "0",
}


class CannotRecord(Exception):
    """A module could not be loaded to see what it compiles."""


def write_start_cache(target: Target, source: Path, modules: list[str], made: Path) -> bool:
    """Load the modules of `source`, and write what Python compiled meanwhile to `made`. False for another Python.

    Processors don't matter: what is compiled here is loaded there, or compiled there if anything differs.

    Raises:
        CannotRecord: a module can't be loaded.
    """
    if target.python != BUILD_PYTHON:
        return False
    folders = os.pathsep.join([str(source), sysconfig.get_paths()["purelib"]])
    command = [sys.executable, "-S", "-s", "-P", str(_RECORDER), str(made), folders, *modules]
    done = subprocess.run(command, env=_ENVIRONMENT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotRecord(done.stderr)
    return True
