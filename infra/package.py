"""Build the functions' zip and the deployment template in `build/`: `python -m infra.package`.

No AWS account is needed. Exits with 1 if a function can't be loaded from the zip alone, if cfn-lint or our own rules
find an error in the template, or if AWS would refuse to update a stack of the last release.
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
from infra.template.releases import last_release, list_refusals, record
from infra.template.resolved import PARAMETER_SETS, resolve
from infra.template.rules import list_violations

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build"
TEMPLATE, TRANSLATED, CODE = BUILD / "template.json", BUILD / "cloudformation.json", BUILD / "function.zip"
RESOLVED = BUILD / "resolved.json"

# Chalice needs a region for service names. Nothing is called there.
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
    _lint(result)
    print(
        f"{CODE.relative_to(ROOT)}: {CODE.stat().st_size / _MEGABYTE:.1f} MB, {unpacked / _MEGABYTE:.1f} MB unpacked,"
    )
    print(f"  sha256 {hashlib.sha256(CODE.read_bytes()).hexdigest()}, {len(handlers)} functions")
    print(f"{TEMPLATE.relative_to(ROOT)}: {TEMPLATE.stat().st_size / _MEGABYTE:.2f} of at most 1 MB, ", end="")
    print(f"{len(result['Resources'])} of at most 500 resources")


def _chalice_package() -> dict[str, Any]:
    out = BUILD / "chalice"
    # Chalice reuses earlier output for the same requirements, even if the constraints have changed.
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
    """Load every handler from the zip, with nothing else installed, and the modules that are imported late."""
    late = [
        "aws_lambda_powertools.tracing",
        "aws_lambda_powertools.utilities.batch",
        "aws_lambda_powertools.utilities.parameters",
        "aws_xray_sdk.core",
        "aws_xray_sdk.ext.botocore.patch",
        "chalicelib.telemetry.powertools",
        "cryptography.hazmat.primitives.asymmetric.ed25519",
        "cryptography.hazmat.primitives.ciphers.aead",
    ]
    modules = sorted({each.rpartition(".")[0] for each in handlers} | set(late))
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(CODE) as code:
            code.extractall(folder)
        _run("python", "-I", "-S", "-c", f"import sys; sys.path.insert(0, {folder!r}); import {', '.join(modules)}")


def _lint(translated: dict[str, Any]) -> None:
    """Check the template as it is, and as the service reads it with each set of parameters."""
    _run("cfn-lint", "--regions", _REGION, "--template", str(TRANSLATED))
    for parameters in PARAMETER_SETS:
        resolved = resolve(translated, parameters)
        if violations := list_violations(resolved):
            sys.exit("\n".join(["The services refuse this template:", *violations]))
        RESOLVED.write_text(json.dumps(resolved, separators=(",", ":")), encoding="utf-8")
        _run("cfn-lint", "--regions", _REGION, "--template", str(RESOLVED))
    name, before = last_release()
    if refusals := list_refusals(before, record(resolve(translated, PARAMETER_SETS[0]))):
        sys.exit("\n".join([f"The services refuse to update a stack of the release {name}:", *refusals]))


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
