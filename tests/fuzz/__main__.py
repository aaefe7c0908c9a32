"""Call every operation with generated input, as our documents and the contracts describe it: `make fuzz`.

    python -m tests.fuzz [--seed N] [--examples N] [--phases NAMES] [--documents NAMES] [--only PATTERN]

Starts the whole system. schemathesis.toml has the checks. Each failure is printed with a command that repeats the call.
Exits with 1 if there is one.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from infra.editions import EDITIONS
from tests.fuzz import flows
from tests.support.contract import CONTRACTS, with_whole_paths
from tests.support.started_desk import ROOT, StartedDesk, start_desk

_BUDGETS = {f"FLUXDEN_{kind}_BUDGET": "1000000" for kind in ("PERSONAL", "TOOLS", "KEY", "PLATFORM", "SCIM")}
_CONFIG = Path(__file__).with_name("schemathesis.toml")
# We are stricter than the contracts in some cases, so only these checks apply to them.
_OF_CONTRACTS = "not_a_server_error,response_schema_conformance"


def main() -> int:
    options = _options()
    with (
        tempfile.TemporaryDirectory() as folder,
        start_desk(
            Path(folder) / "desk",
            FLUXDEN_STREAM_HOLD_SECONDS="1",
            FLUXDEN_REGISTRATIONS_PER_HOUR="1000000",
            FLUXDEN_DEMO_DAILY_LIMIT="1000000",
            **_BUDGETS,
        ) as system,
    ):
        # Flows run first, because generated calls of an operator may revoke tokens.
        found = flows.run(system, options.examples, options.seed) if not options.only else []
        wanted = [
            (document, checks)
            for document, checks in _documents(Path(folder))
            if not options.documents or document.stem in options.documents.split(",")
        ]
        # A single generator would leave the desk idle half of the time.
        with ThreadPoolExecutor(2) as pool:
            passed = list(pool.map(lambda each: _passes(each[0], each[1], system, options), wanted))
    print(*found, sep="\n\n")
    return bool(found) or not all(passed)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--examples", type=int, default=5, help="generated examples for each operation and document")
    parser.add_argument("--phases", default="examples,coverage,fuzzing,stateful")
    parser.add_argument("--documents", default="", help="v1, v2, scim, contract-v1, contract-v2; all by default")
    parser.add_argument("--only", default="", help="a regular expression of paths")
    return parser.parse_args()


def _documents(folder: Path) -> list[tuple[Path, str]]:
    found = []
    for edition in EDITIONS:
        document = with_whole_paths(json.loads(edition.file.read_text(encoding="utf-8")))
        found.append((_write(folder / edition.file.name, document), ""))
    for name, (file, root) in CONTRACTS.items():
        contract: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        paths = {
            path if path.startswith("/api/") else root + path: methods for path, methods in contract["paths"].items()
        }
        whole = contract | {"servers": [{"url": "/"}], "paths": paths}
        found.append((_write(folder / f"contract-{name}.json", whole), _OF_CONTRACTS))
    return found


def _write(file: Path, document: dict[str, Any]) -> Path:
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


def _passes(document: Path, checks: str, system: StartedDesk, options: argparse.Namespace) -> bool:
    command: list[str | Path] = [
        Path(sys.executable).with_name("schemathesis"),
        "--config-file",
        _CONFIG,
        "run",
        document,
    ]
    command += [f"--url={system.demo['base_url']}", f"--phases={options.phases}"]
    # Checks on the command line override the file's settings for single operations.
    command += [f"--checks={checks}"] if checks else []
    command += [f"--seed={options.seed}", f"--max-examples={options.examples}", "--no-color"]
    command += [f"--include-path-regex={options.only}"] if options.only else []
    environment = os.environ | {"DEMO_FILE": str(system.demo_file), "PYTHONPATH": str(ROOT)}
    began = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
    print(f"{done.stdout}{done.stderr}\n{document.name}: {time.monotonic() - began:.0f} s", flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
