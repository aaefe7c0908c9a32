"""Commands for the secrets that sign callbacks, and for the key that seals them."""

from datetime import UTC, datetime

import click

from chalicelib.domain.callbacks import SigningSecrets
from chalicelib.domain.errors import Refusal
from chalicelib.domain.fields import timestamp
from chalicelib.stores.secrets import DynamoSecrets
from chalicelib.vault import new_key


def register(main: click.Group) -> None:
    """Add these commands to the operator's."""
    main.add_command(webhook_secret)
    main.add_command(secret_key)


@click.group("webhook-secret", epilog="Example: python -m infra.admin webhook-secret show fd1")
def webhook_secret() -> None:
    """The secret that signs an integrator's callbacks. Needs FLUXDEN_SECRET_KEY."""


@webhook_secret.command("show", epilog="Example: python -m infra.admin webhook-secret show fd1")
@click.argument("slug")
def show(slug: str) -> None:
    """Show the integrator's secret; the first time, it is made."""
    try:
        _tell(DynamoSecrets().show(slug))
    except (Refusal, ValueError) as error:
        raise click.ClickException(str(error)) from error


@webhook_secret.command("rotate", epilog="Example: python -m infra.admin webhook-secret rotate fd1")
@click.argument("slug")
def rotate(slug: str) -> None:
    """Replace the integrator's secret. For 24 hours callbacks bear both signatures."""
    try:
        _tell(DynamoSecrets().rotate(slug, now=datetime.now(UTC)))
    except (Refusal, ValueError) as error:
        raise click.ClickException(str(error)) from error


@click.command("secret-key", epilog="Example: python -m infra.admin secret-key")
def secret_key() -> None:
    """Print a fresh key for FLUXDEN_SECRET_KEY. Nothing is stored."""
    click.echo(new_key())


def _tell(secrets: SigningSecrets) -> None:
    click.echo(secrets.current)
    if secrets.prior and secrets.prior_until and secrets.prior_until > datetime.now(UTC):
        click.echo(f"The prior secret signs too until {timestamp(secrets.prior_until)}.", err=True)
