"""The data folder of a local system on DynamoDB Local and ElasticMQ, which its next start continues from."""

import atexit
import json
import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from chalicelib.vault import new_key
from infra import demo
from infra.local import engines
from infra.local.engine import Endpoints


def start_engines(folder: Path) -> Endpoints:
    """Run the engines on the folder's data until this process ends, and set the folder's secret key.

    Raises:
        EnginesUnavailable: They can't be fetched or started, or another process uses the folder.
    """
    engines.fetch_engines()
    stack = ExitStack()
    endpoints = stack.enter_context(engines.start_engines(folder / "logs", folder / "data"))
    atexit.register(stack.close)
    os.environ.setdefault("FLUXDEN_SECRET_KEY", _read_secret_key(folder / "secret-key"))
    return endpoints


def restore_organisation(folder: Path, addresses: demo.Addresses) -> dict[str, Any]:
    """Create the demo organisation at the first start. Later starts keep its tokens and update its addresses."""
    saved = folder / "demo.json"
    for file in (demo.demo_file(), saved):
        made = _read_demo_file(file)
        # The demo file can belong to another system, with another secret key.
        if made and made["admin_env"]["FLUXDEN_SECRET_KEY"] == os.environ["FLUXDEN_SECRET_KEY"]:
            made = demo.update_addresses(made, addresses)
            break
    else:
        made = demo.create(addresses)
    demo.write(made, saved)
    return made


def _read_demo_file(file: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    named = isinstance(found, dict) and "FLUXDEN_SECRET_KEY" in found.get("admin_env", {})
    return found if named else None


def _read_secret_key(file: Path) -> str:
    if not file.exists():
        draft = file.with_name(f"{file.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(new_key(), encoding="ascii")
        draft.replace(file)
    return file.read_text(encoding="ascii")
