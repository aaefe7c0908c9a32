"""Run admin commands against the desk that is called."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any


def run_admin(demo: Mapping[str, Any], *arguments: str) -> dict[str, str]:
    """Run a command, and return what it prints."""
    command = [sys.executable, "-m", "infra.admin", *arguments, "--json"]
    made = subprocess.run(command, env=os.environ | demo["admin_env"], check=True, capture_output=True, text=True)
    printed: dict[str, str] = json.loads(made.stdout)
    return printed
