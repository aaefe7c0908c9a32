"""A demo file of the benchmark's own, in a folder that is removed at the end."""

import atexit
import shutil
import tempfile
from pathlib import Path


def new_demo_file() -> str:
    """Return the path for `DEMO_FILE`; nothing else is written beside it."""
    folder = tempfile.mkdtemp(prefix="fluxden-bench-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return str(Path(folder, "demo.json"))
