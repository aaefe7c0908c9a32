"""The operator's commands: `python -m infra.admin --help`."""

from typing import Any

import click
from botocore import exceptions as boto
from pydantic import ValidationError

from chalicelib.core.domain.errors import Refusal
from chalicelib.edge.problem import invalid
from infra.commands import webhook_secrets
from infra.commands.agents import agents
from infra.commands.dead_letters import dead_letters
from infra.commands.demo import demo
from infra.commands.doctor import doctor
from infra.commands.employees import employees
from infra.commands.event_types import event_types
from infra.commands.federation import federation
from infra.commands.hub import hub
from infra.commands.instances import instances
from infra.commands.integrators import integrators
from infra.commands.keys import keys
from infra.commands.network import network
from infra.commands.peers import connections
from infra.commands.personal_tokens import personal_tokens
from infra.commands.projects import projects
from infra.commands.relays import relays
from infra.commands.teams import teams
from infra.commands.tools_tokens import tools_tokens
from infra.commands.web_push import web_push

_MISSING = {
    "ResourceNotFoundException",
    "QueueDoesNotExist",
    "AWS.SimpleQueueService.NonExistentQueue",
}


class Commands(click.Group):
    """Tells an operator's mistakes, and an engine's troubles, in one line."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            if (line := explained(error)) is None:
                raise
            raise click.ClickException(line) from error


def explained(error: Exception) -> str | None:
    """What went wrong, for the operator; None when it is a fault of ours."""
    match error:
        case Refusal():
            return error.detail
        case ValidationError():
            return invalid(error).detail
        case boto.NoRegionError():
            return "No region is set: set AWS_DEFAULT_REGION, or AWS_PROFILE to a profile that has one."
        case boto.NoCredentialsError() | boto.PartialCredentialsError() | boto.CredentialRetrievalError():
            return "No credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE."
        case boto.HTTPClientError() | boto.ConnectionError():
            return f"The engine can't be reached: {error}"
        case boto.ClientError():
            code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
            if code in _MISSING:
                return "The desk's tables or queues are not there. Check region and FLUXDEN_PREFIX, or deploy first."
            return f"The engine refused: {message or code} ({code})"
        case boto.BotoCoreError():
            return str(error)
        case ValueError():
            return _of_settings(str(error))
    return None


def _of_settings(error: str) -> str | None:
    if error.startswith("FLUXDEN_"):
        return error
    return f"AWS_ENDPOINT_URL is no URL. {error}" if error.startswith("Invalid endpoint") else None


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: python -m infra.admin employees list",
)
def main() -> None:
    """Operate a Fluxden desk.

    The desk is the one that the usual AWS settings name: AWS_ENDPOINT_URL, AWS_DEFAULT_REGION,
    AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_PROFILE. For a desk started with `make run`,
    its demo file has them under "admin_env".

    Every command tells its options and an example with --help. Mistakes end with exit code 1,
    misused options with 2.
    """


for command in (
    agents,
    connections,
    dead_letters,
    demo,
    doctor,
    employees,
    event_types,
    federation,
    hub,
    instances,
    integrators,
    keys,
    network,
    personal_tokens,
    projects,
    relays,
    teams,
    tools_tokens,
    web_push,
):
    main.add_command(command)


webhook_secrets.register(main)

if __name__ == "__main__":
    main(prog_name="python -m infra.admin")
