"""Deploy the output of `make package` to an AWS account: `python -m infra.deploy --help`."""

import sys
from pathlib import Path
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from infra.built_package import Package
from infra.deployment import Deployment
from infra.package import CODE, LAYER, TEMPLATE, read
from infra.stack_changes import list_additions


class _ErrorsInOneLine(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (BotoCoreError, ClientError) as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_ErrorsInOneLine)
def main() -> None:
    """Deploy Fluxden to the AWS account and region of the usual AWS settings."""


_stage = click.option("--stage", required=True, help="Stage. Its stack is fluxden-<stage>.")
_template = click.option(
    "--template",
    type=click.Path(path_type=Path),
    default=TEMPLATE,
    help="Template to deploy.  [default: the output of make package]",
)
_parameters = click.argument("parameters", nargs=-1)


@main.command()
@_stage
@_template
@click.option("--at-once", is_flag=True, help="Don't watch alarms, and move all calls at once. Repairs a failing desk.")
@_parameters
def up(stage: str, template: Path, parameters: tuple[str, ...], *, at_once: bool) -> None:
    """Deploy. Pass parameters as Name=value; the others keep their values."""
    desk, given, package = Deployment(stage), _parse_parameters(parameters), Package(read(template), CODE, LAYER)
    package.check(given)
    if at_once:
        given["AtOnce"] = "yes"
    if desk.delete_failed_first():
        click.echo(f"Deleted stack {desk.stack}, whose first deployment failed.")
    if desk.updatable() is None:
        click.echo("Creating the tables and queues first.")
        desk.create(package, given)
    if (change_set := desk.change_set(package, given)) is None:
        click.echo("No changes.")
    else:
        for line in desk.changes(change_set, package.templates):
            click.echo(line)
        desk.execute(change_set)
    desk.protect()
    desk.record()
    outputs = desk.outputs()
    for name in ("Endpoint", "WebSocket"):
        if name in outputs:
            click.echo(f"{name:<11}{outputs[name]}")
    click.echo(f"""
Set up the admin commands, and create the first employee:

  eval "$({_python()} -m infra.deploy environment --stage {stage})"
  {_python()} -m infra.admin employees create you@example.com --name 'Your Name' --org-admin""")


@main.command()
@_stage
@_template
@_parameters
def diff(stage: str, template: Path, parameters: tuple[str, ...]) -> None:
    """Show what a deployment would change, without changing anything."""
    desk, given, package = Deployment(stage), _parse_parameters(parameters), Package(read(template), CODE, LAYER)
    package.check(given)
    if desk.updatable() is None:
        lines, change_set = list_additions(package.templates), None
    elif (change_set := desk.change_set(package, given)) is None:
        lines = iter(["No changes."])
    else:
        lines = desk.changes(change_set, package.templates)
    for line in lines:
        click.echo(line)
    if change_set is not None:
        desk.discard(change_set)


@main.command()
@_stage
def rollback(stage: str) -> None:
    """Bring the deployment before the last one back: its code, templates and parameters. Data stays as it is."""
    desk = Deployment(stage)
    if (change_set := desk.change_set_back()) is None:
        click.echo("No changes.")
        return
    for line in desk.changes(change_set):
        click.echo(line)
    desk.execute(change_set)
    desk.record_return()
    click.echo("Rolled back. The next make deploy deploys what is in build/ again.")


@main.command()
@_stage
def environment(stage: str) -> None:
    """Print the environment for infra.admin as shell exports. The output contains the secret key."""
    desk = Deployment(stage)
    outputs = desk.outputs()
    secret = desk.client("secretsmanager").get_secret_value(SecretId=outputs["SecretKeyId"])
    click.echo(f"export FLUXDEN_PREFIX={outputs['Prefix']}")
    click.echo(f"export FLUXDEN_SECRET_KEY={secret['SecretString']}")
    for name, output in (("FLUXDEN_SOCKETS_URL", "SocketsUrl"), ("FLUXDEN_BASE_URL", "BaseUrl")):
        if output in outputs:
            click.echo(f"export {name}={outputs[output]}")


def _parse_parameters(parameters: tuple[str, ...]) -> dict[str, str]:
    split = [each.partition("=") for each in parameters]
    if wrong := [name for name, equals, _ in split if not equals]:
        raise click.UsageError(f"{wrong[0]} is not a parameter. Use Name=value.")
    return {name: value for name, _, value in split}


def _python() -> str:
    path = Path(sys.executable)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


if __name__ == "__main__":
    main(prog_name="python -m infra.deploy")
