"""What is deployed, made under `build/`: the functions' zip and the template. `python -m infra.package`.

Needs no account. Ends with exit code 1 and the reasons when a function can't be loaded from the zip alone, or the
template does not pass cfn-lint.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from infra.bundle import bundle
from infra.template.build import template
from infra.template.cloudformation import translate
from infra.template.entry_points import list_entry_points

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build"
TEMPLATE, TRANSLATED, CODE = BUILD / "template.json", BUILD / "cloudformation.json", BUILD / "function.zip"

# Chalice asks for a region to name services by; nothing is called there.
_REGION = "us-east-1"
_MEGABYTE = 1024 * 1024


def main() -> None:
    from app import app

    packaged = _chalice_package()
    unpacked = bundle(BUILD / "chalice" / "deployment.zip", CODE)
    made = template(app, packaged)
    TEMPLATE.write_text(json.dumps(made, separators=(",", ":")), encoding="utf-8")
    result = translate(made)
    TRANSLATED.write_text(json.dumps(result, separators=(",", ":")), encoding="utf-8")
    handlers = sorted(each.handler for each in list_entry_points(app))
    _load(handlers)
    _run("cfn-lint", "--regions", _REGION, "--template", str(TRANSLATED))
    print(
        f"{CODE.relative_to(ROOT)}: {CODE.stat().st_size / _MEGABYTE:.1f} MB, {unpacked / _MEGABYTE:.1f} MB unpacked,"
    )
    print(f"  sha256 {hashlib.sha256(CODE.read_bytes()).hexdigest()}, {len(handlers)} functions")
    print(f"{TEMPLATE.relative_to(ROOT)}: {TEMPLATE.stat().st_size / _MEGABYTE:.2f} MB of 1, ", end="")
    print(f"{len(result['Resources'])} resources of 500")


def _chalice_package() -> dict[str, Any]:
    out = BUILD / "chalice"
    # Chalice takes what it made before for the same requirements, which say nothing of what they lead to.
    for stale in (out, ROOT / ".chalice" / "deployments"):
        shutil.rmtree(stale, ignore_errors=True)
    environment = {
        **os.environ,
        "AWS_DEFAULT_REGION": os.environ.get("AWS_DEFAULT_REGION", _REGION),
        "PIP_CONSTRAINT": str(ROOT / "constraints.txt"),
    }
    _run("chalice", "package", "--stage", "package", str(out), environment=environment)
    found: dict[str, Any] = json.loads((out / "sam.json").read_text(encoding="utf-8"))
    return found


def _load(handlers: list[str]) -> None:
    """Load every handler from the zip, with nothing else installed, and what they import only when they need it."""
    late = [
        "aws_lambda_powertools.utilities.batch",
        "cryptography.hazmat.primitives.asymmetric.ed25519",
        "cryptography.hazmat.primitives.ciphers.aead",
    ]
    modules = sorted({each.rpartition(".")[0] for each in handlers} | set(late))
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(CODE) as code:
            code.extractall(folder)
        _run("python", "-I", "-S", "-c", f"import sys; sys.path.insert(0, {folder!r}); import {', '.join(modules)}")


def _run(command: str, *arguments: str, environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name(command), *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{command} {arguments[0]} failed:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    main()
