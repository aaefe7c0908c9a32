"""`web-push`: nudging people's browsers."""

import click

from chalicelib.live.stores.push_keys import DynamoPushKeys
from chalicelib.live.vapid import new_keys


@click.group("web-push")
def web_push() -> None:
    """Nudges to people's browsers."""


@web_push.command(epilog="Example: web-push keys --contact mailto:desk@example.com")
@click.option("--contact", required=True, help="Whom push services turn to: a mailto: or https: URL.")
@click.option("--replace", is_flag=True, help="In place of the keys there are; all browsers have to subscribe anew.")
def keys(contact: str, *, replace: bool) -> None:
    """Give the desk the keys by which push services know it.

    From then on people may subscribe their browsers. Needs FLUXDEN_SECRET_KEY. The private
    key is stored sealed and shown to nobody; the public one is printed.
    """
    if not contact.startswith(("mailto:", "https://")):
        raise click.BadParameter("must be a mailto: or https: URL", param_hint="--contact")
    made = new_keys(contact)
    try:
        DynamoPushKeys().save(made, replace=replace)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    click.echo(made.public_key)
