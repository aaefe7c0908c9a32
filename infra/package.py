"""Build the zips and the templates of a deployment in `build/`: `python -m infra.package --help`.

No AWS account is needed. Exits with 1 if a dependency has no wheel for the target, if a function can't be loaded from
the zips alone (which is tried if they are for a machine like this one), if cfn-lint or our own rules
find an error in the templates, or if AWS would refuse to update a stack of the last release.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import click

from chalicelib.aws import CLOUD_ROOTS
from chalicelib.start_cache import FILE as START_CACHE
from infra import catalog
from infra.bundle import CODE_ZIP, LAYER_ZIP, bundle, find_interpreter
from infra.cloud_roots import MissingRoot, write_cloud_roots
from infra.start_cache import CannotRecord, write_start_cache
from infra.target import BUILD_PYTHON, PYTHONS, Target
from infra.template.build import templates
from infra.template.chalice_app import chalice_template
from infra.template.entry_points import list_entry_points
from infra.template.releases import last_release, list_refusals, record
from infra.template.resolved import PARAMETER_SETS, resolve_all
from infra.template.resolved import ROOT as ROOT_STACK
from infra.template.rules import MOST_BYTES, list_violations
from infra.template.stacks import MOST_RESOURCES, Templates, dump
from infra.wheels import Misfit, install

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build"
TEMPLATE, CODE, LAYER = BUILD / "template.json", BUILD / "function.zip", BUILD / "layer.zip"
# Beside the root's template: those of the nested stacks.
STACKS = "stacks"
RESOLVED = BUILD / "resolved"

# Lambda's limit for a function and its layers.
MOST_UNPACKED_BYTES = 250 * 1024 * 1024
_MOST_LINES = 60
_REGION = "us-east-1"
_MEGABYTE = 1024 * 1024

# Modules that functions import late.
_LATE = {
    "aws_lambda_powertools.tracing",
    "aws_lambda_powertools.utilities.batch",
    "aws_lambda_powertools.utilities.parameters",
    "aws_xray_sdk.core",
    "aws_xray_sdk.ext.botocore.patch",
    "chalicelib.reach.gateways.chat",
    "chalicelib.telemetry.powertools",
    "cryptography.hazmat.primitives.asymmetric.ed25519",
    "cryptography.hazmat.primitives.ciphers.aead",
}


@click.command()
@click.option(
    "--python", type=click.Choice(PYTHONS), default=BUILD_PYTHON, show_default=True, help="Version of Python."
)
@click.option("--architecture", type=click.Choice(["x86_64", "arm64"]), default="x86_64", show_default=True)
def main(python: str, architecture: str) -> None:
    """Build the zips and the templates of a deployment. Any machine can build for any target."""
    from app import app

    target = Target(python, architecture)
    handlers = sorted(each.handler for each in list_entry_points(app))
    modules = sorted({each.rpartition(".")[0] for each in handlers} | _LATE)
    sizes = _bundle(target, modules)
    made = templates(app, chalice_template(app), catalog.areas(), target=target)
    write(made, TEMPLATE)
    if target.is_build_machine:
        _load(modules)
    _lint(made, target)
    _print_zips(target, sizes)
    _print_sizes(made)


def _bundle(target: Target, modules: list[str]) -> dict[Path, int]:
    """Build both zips, and return their unpacked sizes in bytes."""
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        dependencies, source = Path(folder) / "dependencies", Path(folder) / "source"
        try:
            install(target, dependencies)
            shutil.copytree(ROOT / "chalicelib", source / "chalicelib")
            write_cloud_roots(dependencies / "botocore" / "cacert.pem", source / "chalicelib" / CLOUD_ROOTS.name)
            write_start_cache(target, source, modules, source / "chalicelib" / Path(START_CACHE).name)
        except (Misfit, MissingRoot, CannotRecord) as error:
            sys.exit(str(error))
        sizes = {
            LAYER: bundle(dependencies, LAYER, LAYER_ZIP, target),
            CODE: bundle(source, CODE, CODE_ZIP, target),
        }
    if (total := sum(sizes.values())) > MOST_UNPACKED_BYTES:
        sys.exit(f"A function has {total} bytes with its layer, at most {MOST_UNPACKED_BYTES}.")
    return sizes


def _print_zips(target: Target, sizes: dict[Path, int]) -> None:
    print(f"For Python {target.python} on {target.architecture}:")
    for path, unpacked in sizes.items():
        print(
            f"  {path.relative_to(ROOT)}: {path.stat().st_size / _MEGABYTE:.1f} MB,"
            f" {unpacked / _MEGABYTE:.1f} MB unpacked,"
        )
        print(f"    sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}")
    if not find_interpreter(target):
        print(f"  Without bytecode, so functions start slower: install Python {target.python} for it.")
    if not target.is_build_machine:
        print("  Not loaded on this machine, which is another one.")


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


def _load(modules: list[str]) -> None:
    """Load the modules of all handlers from the zips, with nothing else installed, and those that are imported late."""
    with tempfile.TemporaryDirectory() as folder:
        path = [str(each) for each in unpack(Path(folder))]
        _run("python", "-I", "-S", "-c", f"import sys; sys.path[:0] = {path!r}; import {', '.join(modules)}")


def unpack(folder: Path) -> list[Path]:
    """Unpack both zips into `folder` as Lambda does, and return the path on which a function finds its modules."""
    for name, zipped in (("task", CODE), ("opt", LAYER)):
        with zipfile.ZipFile(zipped) as packed:
            packed.extractall(folder / name)
    return [folder / "task", folder / "opt" / "python"]


def _lint(made: Templates, target: Target) -> None:
    """Check the templates as they are, and as the service reads them with each set of parameters."""
    linted = [TEMPLATE, *sorted(TEMPLATE.with_name(STACKS).glob("*.json"))]
    shutil.rmtree(RESOLVED, ignore_errors=True)
    for number, parameters in enumerate(PARAMETER_SETS):
        # `infra.deploy` refuses snapshots where the functions' Python has none.
        possible = parameters if target.has_snapshots else parameters | {"SnapStart": "no"}
        resolved = resolve_all(made, possible)
        if violations := list_violations(resolved):
            sys.exit("\n".join(["The services refuse these templates:", *violations]))
        folder = RESOLVED / str(number)
        folder.mkdir(parents=True)
        for name, template in resolved.items():
            # The root only passes values on, and the address of a template is no file here.
            if name != ROOT_STACK:
                (folder / f"{name}.json").write_bytes(dump(template))
        linted += sorted(folder.glob("*.json"))
    # A version names its function, which the rule about snapshots does not see where the name is resolved.
    _run("cfn-lint", "--regions", _REGION, "--ignore-checks", "W2530", "--template", *map(str, linted))
    name, before = last_release()
    if refusals := list_refusals(before, record(resolve_all(made, PARAMETER_SETS[0]))):
        sys.exit("\n".join([f"The services refuse to update a stack of the release {name}:", *refusals]))


def _run(command: str, *arguments: str) -> None:
    executable = Path(sys.executable).with_name(command)
    done = subprocess.run([executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stdout + done.stderr).splitlines()
        sys.exit("\n".join([f"{command} {arguments[0]} failed:", *said[:_MOST_LINES]]))


if __name__ == "__main__":
    main()
