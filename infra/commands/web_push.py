"""`web-push`: set up browser notifications."""

import click

from chalicelib.live.stores.push_keys import DynamoPushKeys
from chalicelib.live.vapid import new_keys


@click.group("web-push")
def web_push() -> None:
    """Set up browser notifications."""


@web_push.command(epilog="Example: web-push keys --contact mailto:desk@example.com")
@click.option("--contact", required=True, help="Contact for push services: a mailto: or https: URL.")
@click.option("--replace", is_flag=True, help="Replace existing keys. Every browser must subscribe again.")
def keys(contact: str, *, replace: bool) -> None:
    """Create the keys that identify this desk to push services.

    People can subscribe their browsers once the keys exist. The private key is stored sealed, and the public key is
    printed. Requires FLUXDEN_SECRET_KEY.
    """
    if not contact.startswith(("mailto:", "https://")):
        raise click.BadParameter("must be a mailto: or https: URL", param_hint="--contact")
    made = new_keys(contact)
    try:
        DynamoPushKeys().save(made, replace=replace)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    click.echo(made.public_key)
