"""What the tests of e-mail share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.reach.domain.mail import MailSettings, Security, Transport
from chalicelib.reach.stores.mail_settings import DynamoMailSettings
from tests.conftest import Desk
from tests.support.mail_server import MailServer, mail_server


@pytest.fixture
def server(tmp_path: Path, desk: Desk) -> Iterator[MailServer]:
    """A mail server by which the desk sends."""
    with mail_server(tmp_path) as server:
        settings = MailSettings(Transport.SMTP, "Fluxden <desk@example.com>", "127.0.0.1", server.port, Security.NONE)
        DynamoMailSettings().save(settings, None)
        yield server
