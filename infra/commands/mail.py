"""`mail`: by what this desk sends e-mail."""

from datetime import UTC, datetime
from typing import IO, Any
from uuid import uuid4

import click
from pydantic import ValidationError

from chalicelib.core.domain.fields import email_address
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.reach.domain.mail import PORTS, MailOutcome, MailSettings, Security, SesIn, SmtpIn, Transport
from chalicelib.reach.domain.mail_reports import MOST_BYTES, read_report_message
from chalicelib.reach.domain.messages import trial_message
from chalicelib.reach.gateways.mailers import mailer_of
from chalicelib.reach.services.mail_reports import MailReports
from chalicelib.reach.stores.mail_settings import DynamoMailSettings
from chalicelib.reach.stores.personal_mail import DynamoPersonalMail
from chalicelib.reach.stores.sent_mails import DynamoSentMails
from infra.commands.output import json_option, print_record, print_records

_SENDER = click.option("--from", "sender", required=True, help="As whom: an address, or 'Name <address>'.")
_HINTS = {
    MailOutcome.DEFERRED: "It may work later.",
    MailOutcome.MISCONFIGURED: "Nothing is sent until you change something.",
    MailOutcome.REFUSED: "It refuses this message for good.",
    MailOutcome.NO_MAILBOX: "There is no such mailbox.",
}


@click.group()
def mail() -> None:
    """Send e-mail to people, by a mail server or Amazon SES."""


@mail.command(epilog="Example: mail smtp --host mail.example.com --user desk --from 'Fluxden <desk@example.com>'")
@click.option("--host", required=True, help="The mail server.")
@click.option("--port", type=int, help="Its port. Default: 587 with starttls, 465 with tls, 25 with none.")
@click.option(
    "--security",
    type=click.Choice([each.value for each in Security]),
    default=Security.STARTTLS.value,
    show_default=True,
    help="How the connection is encrypted.",
)
@click.option("--user", help="With whose password to log in. Without it, nobody logs in.")
@click.option("--password", envvar="MAIL_PASSWORD", help="Or MAIL_PASSWORD. Asked for if there is a user.")
@_SENDER
@json_option
def smtp(
    *, host: str, port: int | None, security: str, user: str | None, password: str | None, sender: str, as_json: bool
) -> None:
    """Send mail by a mail server, from now on.

    A password is stored sealed, and is sent over TLS only, or inside this machine. Requires FLUXDEN_SECRET_KEY if there
    is one. Then try it: mail test.
    """
    if user and not password:
        password = click.prompt("Password", hide_input=True, err=True)
    if password and not user:
        raise click.BadParameter("needs --user", param_hint="--password")
    chosen = Security(security)
    given = _checked(
        SmtpIn, sender=sender, host=host, port=PORTS[chosen] if port is None else port, security=chosen, user=user
    )
    _save(
        MailSettings(Transport.SMTP, given.sender, given.host, given.port, given.security, given.user),
        password,
        as_json,
    )


@mail.command(epilog="Example: mail ses --from desk@example.com --configuration-set fluxden")
@_SENDER
@click.option("--configuration-set", help="The one that reports bounces and complaints.")
@json_option
def ses(*, sender: str, configuration_set: str | None, as_json: bool) -> None:
    """Send mail by Amazon SES in the desk's region, from now on.

    SES must have verified the sender's domain.
    """
    given = _checked(SesIn, sender=sender, configuration_set=configuration_set)
    settings = MailSettings(Transport.SES, given.sender, configuration_set=given.configuration_set)
    _save(settings, None, as_json)


@mail.command(epilog="Example: mail show")
@json_option
def show(*, as_json: bool) -> None:
    """Show by what this desk sends mail. The password is not shown."""
    print_record(_to_record(_settings()), as_json=as_json)


@mail.command(epilog="Example: mail test --to you@example.com")
@click.option("--to", "recipient", required=True, help="An address that you can read.")
def test(recipient: str) -> None:
    """Send a test message now, and say what the server answered."""
    _checked_address(recipient)
    found = DynamoMailSettings().find_with_password()
    if found is None:
        raise _none()
    settings, password = found
    message = trial_message(settings.sender, recipient, message_id=str(uuid4()), now=datetime.now(UTC))
    result = mailer_of(settings, password).send(message)
    if result.outcome is not MailOutcome.SENT:
        status = f" {result.status}" if result.status else ""
        raise click.ClickException(
            f"{settings.place} did not take the message:{status} {result.detail} {_HINTS[result.outcome]}".strip()
        )
    click.echo(f"{settings.place} took a message to {recipient}.")


@mail.command(epilog="Example: mail report -")
@click.argument("file", type=click.File("rb"), default="-")
@json_option
def report(file: IO[bytes], *, as_json: bool) -> None:
    """Pause the addresses that a delivery report or a complaint is about.

    FILE is a message from the sender's mailbox (RFC 3464, RFC 5965), or standard input. Only reports on messages of
    this desk, to the address of their recipient, pause it; each line says what became of one.
    """
    content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise click.ClickException(f"The message has more than {MOST_BYTES:,} bytes.")
    found = read_report_message(content)
    if found is None:
        raise click.ClickException("The message is neither a delivery report (RFC 3464) nor a complaint (RFC 5965).")
    reports = MailReports(DynamoSentMails(), DynamoDirectory(), DynamoPersonalMail(), lambda: datetime.now(UTC))
    rows = [{"recipient": each.recipient, "reason": each.reason, "outcome": reports.apply(each)} for each in found]
    print_records(rows, as_json=as_json, none="Nothing in it says that a message came back.")


@mail.command(epilog="Example: mail off")
def off() -> None:
    """Send no mail any more. Password and settings are deleted."""
    if not DynamoMailSettings().remove():
        raise _none()
    click.echo("This desk sends no mail any more.")


def _save(settings: MailSettings, password: str | None, as_json: bool) -> None:  # noqa: FBT001 - the option's value
    try:
        DynamoMailSettings().save(settings, password)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    print_record(_to_record(settings), as_json=as_json)


def _settings() -> MailSettings:
    if (found := DynamoMailSettings().find()) is None:
        raise _none()
    return found


def _none() -> click.ClickException:
    return click.ClickException("This desk sends no mail. See: mail smtp, mail ses")


def _checked(model: Any, **given: Any) -> Any:
    try:
        return model(**given)
    except ValidationError as error:
        first = error.errors()[0]
        option = str(first["loc"][0]) if first["loc"] else "user"
        hint = "--from" if option == "sender" else f"--{option.replace('_', '-')}"
        raise click.BadParameter(str(first["msg"]), param_hint=hint) from error


def _checked_address(text: str) -> None:
    try:
        email_address(text)
    except ValueError as error:
        raise click.BadParameter("must be an email address", param_hint="--to") from error


def _to_record(settings: MailSettings) -> dict[str, Any]:
    record: dict[str, Any] = {"by": settings.transport.value, "from": settings.sender}
    if settings.transport is Transport.SES:
        return record | {"configurationSet": settings.configuration_set}
    security = settings.security.value if settings.security else None
    return record | {"host": settings.host, "port": settings.port, "security": security, "user": settings.user}
