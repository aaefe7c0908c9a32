"""The mailer that the desk's settings name."""

from chalicelib.reach.domain.mail import Mailer, MailSettings, Transport
from chalicelib.reach.gateways.ses import SesMailer
from chalicelib.reach.gateways.smtp import SmtpMailer


def mailer_of(settings: MailSettings, password: str | None) -> Mailer:
    """Return what sends mail by these settings."""
    return SmtpMailer(settings, password) if settings.transport is Transport.SMTP else SesMailer(settings)
