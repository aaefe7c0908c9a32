"""What the laws of workers and schedules share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Desk
from tests.support import instances, sample_data
from tests.support.api import Api
from tests.support.mail_server import MailServer, mail_server
from tests.support.receiver import Receiver
from tests.support.sockets import Sockets
from tests.support.worker_scenarios import ScenarioContext


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[MailServer]:
    with mail_server(tmp_path) as server:
        yield server


@pytest.fixture
def context(
    api: Api, desk: Desk, sockets: Sockets, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, mail: MailServer
) -> ScenarioContext:
    made = ScenarioContext(api, desk, receiver, sockets, mail)
    monkeypatch.setattr(sample_data, "WEBHOOK_URL", made.address)
    monkeypatch.setenv("FLUXDEN_SOCKET_HEARTBEATS", "1")
    monkeypatch.setattr(sample_data, "PEER_URL", made.address)
    instances.run_admin("webhook-secret", "show", "fd1")
    return made
