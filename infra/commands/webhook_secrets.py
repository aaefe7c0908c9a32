"""Commands for the secrets that sign callbacks, and for the key that seals them."""

from datetime import UTC, datetime

import click

from chalicelib.core.domain.errors import Refusal
from chalicelib.core.domain.fields import timestamp
from chalicelib.inbox.domain.callbacks import SigningSecrets
from chalicelib.inbox.stores.secrets import DynamoSecrets
from chalicelib.operate.stores import sealed
from chalicelib.vault import new_key


def register(main: click.Group) -> None:
    """Add these commands to the operator's."""
    main.add_command(webhook_secret)
    main.add_command(secret_key)
    main.add_command(reseal)


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


@click.command("reseal", epilog="Example: python -m infra.admin reseal")
def reseal() -> None:
    """Seal every stored secret with the first key of FLUXDEN_SECRET_KEY.

    The setting may name several, with commas between: all of them open, the first one seals. So a
    key is replaced by putting the new one before it, resealing, and then taking it away. May be run
    again at any time; exit code 1 where a secret opens with none of the keys.
    """
    try:
        done = sealed.reseal_secrets()
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{done.anew} of {done.secrets} secrets were sealed anew.")
    for place in done.unreadable:
        click.echo(f"No key opens the secret of {place}.", err=True)
    if done.unreadable:
        raise SystemExit(1)


def _tell(secrets: SigningSecrets) -> None:
    click.echo(secrets.current)
    if secrets.prior and secrets.prior_until and secrets.prior_until > datetime.now(UTC):
        click.echo(f"The prior secret signs too until {timestamp(secrets.prior_until)}.", err=True)
