"""The key that seals: several open, one seals, and it is replaced without losing what it sealed."""

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from chalicelib import vault
from chalicelib.federation.connections.stores.connections import DynamoConnections
from chalicelib.federation.connections.stores.federation_settings import DynamoFederation
from chalicelib.federation.network.domain.membership import RegistrationAnswer
from chalicelib.federation.network.stores.hubs import DynamoHubs
from chalicelib.federation.network.stores.instances import DynamoInstances
from chalicelib.ids import PathSecret, TokenKind, mint_sign_in_secret, parse_sign_in_secret
from chalicelib.inbox.stores.signing_secrets import DynamoSigningSecrets
from chalicelib.live.domain.push import BrowserKeys, Subscription
from chalicelib.live.stores.push import DynamoPush
from chalicelib.live.stores.push_keys import DynamoPushKeys
from chalicelib.live.vapid import new_keys
from chalicelib.reach.domain.channels import Channel, ChannelKind, Target
from chalicelib.reach.domain.mail import MailSettings, Security, Transport
from chalicelib.reach.stores.channels import DynamoChannels
from chalicelib.reach.stores.mail_settings import DynamoMailSettings
from chalicelib.tokens.domain.identity_providers import Provider
from chalicelib.tokens.domain.ingest_tokens import IngestTokenIn, Publisher, new_ingest_token
from chalicelib.tokens.stores.identity_providers import DynamoIdentityProviders
from chalicelib.tokens.stores.ingest_tokens import DynamoIngestTokens
from chalicelib.vault import new_key
from infra.admin import main
from tests.conftest import Desk
from tests.support import instances
from tests.support.api import Api
from tests.support.sample_data import SampleData

STORES = sorted((Path(__file__).parents[2] / "chalicelib").rglob("stores/*.py"))
SETTING, HUB = "FLUXDEN_SECRET_KEY", "https://hub.example.com"


def reseal() -> Result:
    return CliRunner().invoke(main, ["reseal"])


@pytest.fixture
def reads(api: Api, desk: Desk) -> list[Callable[[], Any]]:
    """How each kind of secret is read; there is one of each."""
    now, hubs, peers = datetime.now(UTC), DynamoHubs(), DynamoConnections()
    DynamoSigningSecrets().rotate("fd1", now=now)
    DynamoPushKeys().save(new_keys("mailto:desk@example.com"), replace=True)
    instance = instances.register_instance(api).instance_id
    membership, key = hubs.prepare(HUB, "Desk", "k" * 40)
    said = RegistrationAnswer.model_validate({"instanceId": "here", "platformToken": "p" * 40, "status": "active"})
    assert hubs.join(membership, key, said, now=now)
    providers = DynamoIdentityProviders()
    providers.save_provider(Provider("company", "Company", "https://login.example.com", "fluxden"), "a secret")
    mail = MailSettings(Transport.SMTP, "desk@example.com", "mail.example.com", 587, Security.STARTTLS, "desk")
    DynamoMailSettings().save(mail, "a password")
    secret = mint_sign_in_secret(PathSecret.INGEST)
    request = IngestTokenIn(adapter="github", name="CI", signing_secret="a secret of GitHub")
    publisher = Publisher(TokenKind.TOOLS, "fd1-token", "fd1")
    made = new_ingest_token(request, token_id="one", publisher=publisher, now=now)
    DynamoIngestTokens().add(made, secret, claim=None, reply={})
    presented = parse_sign_in_secret(PathSecret.INGEST, secret.text)
    assert presented is not None
    connection = peers.find(SampleData(api, desk).add_connection())
    assert connection is not None
    subscription = Subscription(desk.user_id("alice"), "https://push.example.com/1", "2026", BrowserKeys("B", "secret"))
    DynamoPush().add(subscription, claim=None, reply={})
    alice, channels = desk.user_id("alice"), DynamoChannels()
    channel = Channel(alice, "one", ChannelKind.WEBHOOK, "Team", "webhook", "hooks.example.com", "2026")
    channels.add(channel, Target("https://hooks.example.com/1", "whsec_c2VjcmV0"), claim=None, reply={})
    return [
        lambda: channels.find_with_target(alice, ChannelKind.WEBHOOK, "one"),
        lambda: [DynamoPush().open_keys(each) for each in DynamoPush().list_subscriptions(subscription.user_id)],
        lambda: DynamoSigningSecrets().get("fd1"),
        DynamoPushKeys().find,
        lambda: DynamoInstances().key_of(instance),
        lambda: hubs.prepare(HUB, "Desk", "another")[1],
        lambda: hubs.find_key("here"),
        lambda: _token(hubs),
        lambda: peers.token_of(connection),
        DynamoFederation().find_key,
        DynamoMailSettings().find_with_password,
        lambda: providers.read_secret("company"),
        lambda: DynamoIngestTokens().use(presented, now=now).signing_secret,
    ]


def _token(hubs: DynamoHubs) -> str:
    """The token that the hub has given, as the next heartbeat reads it."""
    now = datetime.now(UTC)
    ((url, due_at),) = hubs.list_due(now=now + timedelta(days=1), limit=10)
    taken = hubs.take(url, due_at, until=now)
    assert taken is not None
    return hubs.token_of(*taken)


def test_a_new_key_takes_over_all_that_is_sealed(
    reads: list[Callable[[], Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, new = [read() for read in reads], new_key()
    monkeypatch.setenv(SETTING, f"{new},{os.environ[SETTING]}")
    assert [read() for read in reads] == before
    done = reseal()
    anew, total = re.findall(r"[0-9]+", done.stdout)
    assert (done.exit_code, anew) == (0, total)
    assert int(total) > len(reads), "the prior callback secret is one more"
    assert reseal().stdout == f"Resealed 0 of {total} secrets.\n"
    monkeypatch.setenv(SETTING, new)
    assert [read() for read in reads] == before
    assert reseal().exit_code == 0


def test_what_no_key_opens_is_named_and_left(reads: list[Callable[[], Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    kept = os.environ[SETTING]
    monkeypatch.setenv(SETTING, new_key())
    failed = reseal()
    assert failed.exit_code == 1
    assert "None of the keys opens the secret of INTEGRATOR#fd1/WEBHOOK.\n" in failed.stderr
    monkeypatch.setenv(SETTING, kept)
    assert all(read() for read in reads)


def test_a_secret_that_changes_meanwhile_stays_as_it_became(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    DynamoSigningSecrets().get("fd1")
    monkeypatch.setenv(SETTING, f"{new_key()},{os.environ[SETTING]}")
    rotated: list[Any] = []

    def slowly(text: str, *, place: str) -> str | None:
        made = vault.reseal(text, place=place)
        if "fd1" in place:
            rotated.append(DynamoSigningSecrets().rotate("fd1", now=datetime.now(UTC)))
        return made

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr("chalicelib.operate.stores.sealed.reseal", slowly)
        assert reseal().exit_code == 0
    assert DynamoSigningSecrets().get("fd1").current == rotated[0].current
    assert reseal().stdout.startswith("Resealed 1 of"), (
        "the previous secret also signs, and was sealed with the old key"
    )
    assert reseal().stdout.startswith("Resealed 0 of")


def test_without_a_key_nothing_is_resealed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("", f"{new_key()},", f",{new_key()}", f"{new_key()},short"):
        monkeypatch.setenv(SETTING, value)
        failed = reseal()
        assert (failed.exit_code, "infra.admin secret-key" in failed.stderr) == (1, True)


def test_every_store_that_seals_is_known_to_be_resealed() -> None:
    sealing = {path.stem for path in STORES if re.search(r"\bseal\(", path.read_text(encoding="utf-8"))}
    assert sealing == {
        "channels",
        "connection_rows",
        "federation_settings",
        "hubs",
        "identity_providers",
        "ingest_tokens",
        "instance_credentials",
        "mail_settings",
        "push",
        "push_keys",
        "sealed",  # what earlier releases stored in clear
        "signing_secrets",
    }
