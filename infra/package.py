"""Build the functions' zip and the deployment templates in `build/`: `python -m infra.package`.

No AWS account is needed. Exits with 1 if a function can't be loaded from the zip alone, if cfn-lint or our own rules
find an error in the templates, or if AWS would refuse to update a stack of the last release.
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

from infra import catalog
from infra.bundle import bundle
from infra.template.build import templates
from infra.template.entry_points import list_entry_points
from infra.template.releases import last_release, list_refusals, record
from infra.template.resolved import PARAMETER_SETS, resolve_all
from infra.template.resolved import ROOT as ROOT_STACK
from infra.template.rules import MOST_BYTES, list_violations
from infra.template.stacks import MOST_RESOURCES, Templates, dump

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build"
TEMPLATE, CODE = BUILD / "template.json", BUILD / "function.zip"
# Beside the root's template: those of the nested stacks.
STACKS = "stacks"
RESOLVED = BUILD / "resolved"

# Chalice needs a region for service names. Nothing is called there.
_REGION = "us-east-1"
_MEGABYTE = 1024 * 1024


def main() -> None:
    from app import app

    packaged = _chalice_package()
    unpacked = bundle(BUILD / "chalice" / "deployment.zip", CODE)
    made = templates(app, packaged, catalog.areas())
    write(made, TEMPLATE)
    handlers = sorted(each.handler for each in list_entry_points(app))
    _load(handlers)
    _lint(made)
    print(
        f"{CODE.relative_to(ROOT)}: {CODE.stat().st_size / _MEGABYTE:.1f} MB, {unpacked / _MEGABYTE:.1f} MB unpacked,"
    )
    print(f"  sha256 {hashlib.sha256(CODE.read_bytes()).hexdigest()}, {len(handlers)} functions")
    _print_sizes(made)


def write(made: Templates, path: Path) -> None:
    """Write the root's template to `path`, and the nested templates into a folder beside it."""
    folder = path.with_name(STACKS)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    path.write_bytes(dump(made.root))
    for name, template in made.nested.items():
        (folder / f"{name}.json").write_bytes(dump(template))


def read(path: Path) -> Templates:
    """Return the templates that `write` has written."""
    nested = {each.stem: json.loads(each.read_bytes()) for each in sorted(path.with_name(STACKS).glob("*.json"))}
    return Templates(json.loads(path.read_bytes()), nested)


def _print_sizes(made: Templates) -> None:
    print(f"{TEMPLATE.relative_to(ROOT)} nests {len(made.nested)} stacks, of at most {MOST_RESOURCES} resources each:")
    for name, template in made.nested.items():
        print(f"  {name:<24}{len(template['Resources']):>4}  {len(dump(template)) / MOST_BYTES:.2f} MB")


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


def _lint(made: Templates) -> None:
    """Check the templates as they are, and as the service reads them with each set of parameters."""
    linted = [TEMPLATE, *sorted(TEMPLATE.with_name(STACKS).glob("*.json"))]
    shutil.rmtree(RESOLVED, ignore_errors=True)
    for number, parameters in enumerate(PARAMETER_SETS):
        resolved = resolve_all(made, parameters)
        if violations := list_violations(resolved):
            sys.exit("\n".join(["The services refuse these templates:", *violations]))
        folder = RESOLVED / str(number)
        folder.mkdir(parents=True)
        for name, template in resolved.items():
            # The root only passes values on, and the address of a template is no file here.
            if name != ROOT_STACK:
                (folder / f"{name}.json").write_bytes(dump(template))
        linted += sorted(folder.glob("*.json"))
    _run("cfn-lint", "--regions", _REGION, "--template", *map(str, linted))
    name, before = last_release()
    if refusals := list_refusals(before, record(resolve_all(made, PARAMETER_SETS[0]))):
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
