"""The admin commands: `python -m infra.admin --help`."""

from typing import Any

import click
from botocore import exceptions as boto
from pydantic import ValidationError

from chalicelib.core.domain.errors import Refusal
from chalicelib.edge.problem import to_invalid
from infra.commands import webhook_secrets
from infra.commands.agents import agents
from infra.commands.approvals import approvals
from infra.commands.audit import audit
from infra.commands.audit_trail import audit_commands
from infra.commands.bounds import bounds
from infra.commands.callbacks import callbacks
from infra.commands.catalog import catalog
from infra.commands.connections import connections
from infra.commands.contacts import contacts
from infra.commands.dead_letters import dead_letters
from infra.commands.deliveries import deliveries
from infra.commands.demo import demo
from infra.commands.doctor import doctor
from infra.commands.employees import employees
from infra.commands.event_types import event_types
from infra.commands.federation import federation
from infra.commands.hub import hub
from infra.commands.ingest_tokens import ingest_tokens
from infra.commands.instances import instances
from infra.commands.integrators import integrators
from infra.commands.keys import keys
from infra.commands.mail import mail
from infra.commands.network import network
from infra.commands.personal_tokens import personal_tokens
from infra.commands.projects import projects
from infra.commands.relays import relays
from infra.commands.retention import retention
from infra.commands.scim import scim
from infra.commands.scim_tokens import scim_tokens
from infra.commands.sso import sso
from infra.commands.tables import tables
from infra.commands.teams import teams
from infra.commands.tools_tokens import tools_tokens
from infra.commands.web_push import web_push

_NOT_FOUND_CODES = {
    "ResourceNotFoundException",
    "QueueDoesNotExist",
    "AWS.SimpleQueueService.NonExistentQueue",
}


class Commands(click.Group):
    """A group whose commands report expected errors in one line instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            if (line := explain_error(error)) is None:
                raise
            raise click.ClickException(line) from error


def explain_error(error: Exception) -> str | None:
    """Return a sentence for the operator; None for an unexpected error."""
    match error:
        case Refusal():
            return error.detail
        case ValidationError():
            return to_invalid(error).detail
        case boto.NoRegionError():
            return "No AWS region is set. Set AWS_DEFAULT_REGION, or AWS_PROFILE to a profile with a region."
        case boto.NoCredentialsError() | boto.PartialCredentialsError() | boto.CredentialRetrievalError():
            return "No AWS credentials found. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE."
        case boto.HTTPClientError() | boto.ConnectionError():
            return f"Can't reach the database or queue endpoint: {error}"
        case boto.ClientError():
            code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
            if code in _NOT_FOUND_CODES:
                return "Tables or queues not found. Check the region and FLUXDEN_PREFIX, or deploy first."
            return f"The request was refused: {message or code} ({code})"
        case boto.BotoCoreError():
            return str(error)
        case ValueError():
            return _explain_setting(str(error))
    return None


def _explain_setting(error: str) -> str | None:
    if error.startswith("FLUXDEN_"):
        return error
    return f"AWS_ENDPOINT_URL is not a URL. {error}" if error.startswith("Invalid endpoint") else None


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: python -m infra.admin employees list",
)
def main() -> None:
    """Manage a Fluxden desk.

    Commands work on the desk that the usual AWS settings name: AWS_ENDPOINT_URL,
    AWS_DEFAULT_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_PROFILE. If you started the
    desk with `make run`, the demo file has these settings under "admin_env".

    Use --help with any command to see its options and an example. Exit codes: 1 if a command fails,
    2 if its options are wrong.
    """


for command in (
    agents,
    bounds,
    approvals,
    audit,
    callbacks,
    catalog,
    connections,
    contacts,
    dead_letters,
    demo,
    doctor,
    employees,
    deliveries,
    event_types,
    federation,
    hub,
    instances,
    integrators,
    keys,
    mail,
    network,
    ingest_tokens,
    personal_tokens,
    projects,
    relays,
    retention,
    scim,
    scim_tokens,
    sso,
    tables,
    teams,
    tools_tokens,
    web_push,
):
    main.add_command(command)


webhook_secrets.register(main)
audit_commands(main)

if __name__ == "__main__":
    main(prog_name="python -m infra.admin")
