"""The federation settings, as the operator changes them, and the signing key of this desk."""

import json

import pytest
from click.testing import CliRunner

from chalicelib.federation.connections.domain.federation_settings import FederationMode, FederationSettings
from chalicelib.federation.connections.stores.federation_settings import DynamoFederation
from chalicelib.settings import settings
from chalicelib.vault import new_key
from infra.admin import main
from infra.commands.federation import list_warnings
from tests.conftest import Desk
from tests.federation.connections.connection_calls import receive_request, run_command
from tests.support.api import Api
from tests.support.concurrency import run_concurrently

FEDERATION = DynamoFederation()


def test_an_operator_opens_and_closes_federation(api: Api, desk: Desk) -> None:
    assert json.loads(run_command("federation", "show", "--json").output) == {
        "mode": "closed",
        "inbound": True,
        "approval": True,
        "unverified": "pending",
        "compatible": "auto",
        "suspended": [],
        "blocked": [],
        "url": "http://desk.test",
    }
    options = ("--mode", "open", "--approval", "off", "--unverified", "accept", "--compatible", "off")
    set_ = run_command("federation", "set", *options, "--json")
    assert "takes connection requests at their word" in set_.stderr
    assert json.loads(set_.stdout) == {
        "mode": "open",
        "inbound": True,
        "approval": False,
        "unverified": "accept",
        "compatible": "off",
        "suspended": [],
        "blocked": [],
        "url": "http://desk.test",
    }
    assert receive_request(api).json["status"] == "active"
    run_command("federation", "set", "--inbound", "off")
    assert receive_request(api).status == 403
    assert run_command("federation", "set").exit_code == 2


@pytest.mark.usefixtures("tables")
def test_settings_are_closed_until_they_are_saved_and_then_replaced_as_a_whole() -> None:
    assert FEDERATION.find_settings() == FederationSettings()
    assert FEDERATION.find_settings().mode is FederationMode.CLOSED
    for each in (FederationSettings(FederationMode.OPEN, inbound=False, approval=False), FederationSettings()):
        FEDERATION.save_settings(each)
        assert FEDERATION.find_settings() == each


@pytest.mark.usefixtures("tables")
def test_simultaneous_first_uses_create_one_key() -> None:
    assert len(set(run_concurrently(4, lambda _: FEDERATION.find_key()))) == 1
    assert FEDERATION.list_public_keys() == [FEDERATION.find_key().public]


@pytest.mark.usefixtures("tables")
def test_a_rotated_key_stays_published_until_the_next_rotation() -> None:
    first = FEDERATION.find_key()
    second = FEDERATION.rotate_key()
    assert second is not None
    assert FEDERATION.find_key() == second
    assert FEDERATION.list_public_keys() == [second.public, first.public]
    third = FEDERATION.rotate_key()
    assert third is not None
    assert FEDERATION.list_public_keys() == [third.public, second.public]


@pytest.mark.usefixtures("tables")
def test_without_the_secret_key_of_the_deployment_nothing_is_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_SECRET_KEY", "")
    assert FEDERATION.list_public_keys() == []
    monkeypatch.setenv("FLUXDEN_SECRET_KEY", new_key())
    published = FEDERATION.list_public_keys()
    monkeypatch.setenv("FLUXDEN_SECRET_KEY", new_key())
    assert FEDERATION.list_public_keys() == published
    with pytest.raises(ValueError, match=r"."):
        FEDERATION.find_key()


def test_every_start_and_every_trusted_claim_warns_while_claims_are_trusted(
    api: Api, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    assert list_warnings() == []
    run_command("federation", "set", "--mode", "open", "--unverified", "accept")
    assert "takes connection requests at their word" in " ".join(list_warnings())
    with caplog.at_level("WARNING", logger="fluxden"):
        assert receive_request(api).status == 200
    assert "claim_trusted" in caplog.messages


@pytest.mark.parametrize("options", [("--inbound", "on"), ("--mode", "open"), ("--mode", "allowlist")])
def test_a_desk_without_an_address_is_not_opened(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, options: tuple[str, str]
) -> None:
    run_command("federation", "set", "--mode", "closed", "--inbound", "on")
    if options[0] == "--inbound":
        run_command("federation", "set", "--inbound", "off")
    before = FEDERATION.find_settings()
    forget_address(monkeypatch)
    refused = CliRunner().invoke(main, ("federation", "set", *options), prog_name="admin")
    assert (refused.exit_code, "FLUXDEN_BASE_URL" in refused.stderr) == (1, True)
    assert FEDERATION.find_settings() == before
    run_command("federation", "set", "--mode", "closed", "--inbound", "off")


def test_every_start_warns_of_a_desk_without_an_address(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    run_command("federation", "set", "--inbound", "on")
    forget_address(monkeypatch)
    assert ["FLUXDEN_BASE_URL" in each for each in list_warnings()] == [True]
    run_command("federation", "set", "--inbound", "off")
    assert list_warnings() == []


def forget_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_BASE_URL", "")
    settings.cache_clear()
