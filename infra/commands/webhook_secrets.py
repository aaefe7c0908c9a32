"""`webhook-secret`, `secret-key` and `reseal`: manage signing secrets and the key that seals them."""

from datetime import UTC, datetime

import click

from chalicelib.core.domain.errors import Refusal
from chalicelib.core.domain.fields import timestamp
from chalicelib.inbox.domain.callbacks import SigningSecrets
from chalicelib.inbox.stores.signing_secrets import DynamoSigningSecrets
from chalicelib.operate.stores import sealed
from chalicelib.vault import new_key


def register(main: click.Group) -> None:
    """Add these commands to the admin commands."""
    main.add_command(webhook_secret)
    main.add_command(secret_key)
    main.add_command(reseal)


@click.group("webhook-secret", epilog="Example: python -m infra.admin webhook-secret show fd1")
def webhook_secret() -> None:
    """Manage the secret that signs an integrator's callbacks. Requires FLUXDEN_SECRET_KEY."""


@webhook_secret.command("show", epilog="Example: python -m infra.admin webhook-secret show fd1")
@click.argument("slug")
def show(slug: str) -> None:
    """Show the integrator's secret, and create it if there is none."""
    try:
        _print_secrets(DynamoSigningSecrets().get_known(slug))
    except (Refusal, ValueError) as error:
        raise click.ClickException(str(error)) from error


@webhook_secret.command("rotate", epilog="Example: python -m infra.admin webhook-secret rotate fd1")
@click.argument("slug")
def rotate(slug: str) -> None:
    """Replace the integrator's secret. For 24 hours callbacks have both signatures."""
    try:
        _print_secrets(DynamoSigningSecrets().rotate(slug, now=datetime.now(UTC)))
    except (Refusal, ValueError) as error:
        raise click.ClickException(str(error)) from error


@click.command("secret-key", epilog="Example: python -m infra.admin secret-key")
def secret_key() -> None:
    """Print a new key for FLUXDEN_SECRET_KEY. Nothing is stored."""
    click.echo(new_key())


@click.command("reseal", epilog="Example: python -m infra.admin reseal")
def reseal() -> None:
    """Seal every stored secret with the first key of FLUXDEN_SECRET_KEY.

    The setting can list several keys, separated by commas: all of them open secrets, the first seals them. To replace a
    key, put the new key first, run this command, and then remove the old key. You can run it at any time. Exits with 1
    if none of the keys opens a secret. Secrets that an earlier release stored in clear are sealed too.
    """
    try:
        done = sealed.reseal_secrets()
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Resealed {done.anew} of {done.secrets} secrets.")
    for place in done.unreadable:
        click.echo(f"None of the keys opens the secret of {place}.", err=True)
    if done.unreadable:
        raise SystemExit(1)


def _print_secrets(secrets: SigningSecrets) -> None:
    click.echo(secrets.current)
    if secrets.prior and secrets.prior_until and secrets.prior_until > datetime.now(UTC):
        click.echo(f"The previous secret also signs until {timestamp(secrets.prior_until)}.", err=True)
