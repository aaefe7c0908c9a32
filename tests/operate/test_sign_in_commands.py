"""The commands `employees sign-in-link` and `sso`."""

import json
from collections.abc import Iterator

import pytest

from chalicelib.settings import settings
from chalicelib.tokens.stores.identity_providers import DynamoIdentityProviders
from tests.conftest import Desk
from tests.support.api import Api
from tests.support.identity_provider import CLIENT_SECRET, IdentityProvider, run_identity_provider
from tests.support.instances import run_admin
from tests.support.sessions import use_code


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[IdentityProvider]:
    monkeypatch.setenv("ALLOW_LOOPBACK", "1")
    monkeypatch.setenv("SSO_CLIENT_SECRET", CLIENT_SECRET)
    settings.cache_clear()
    with run_identity_provider() as made:
        yield made


def test_a_sign_in_link_signs_its_person_in(api: Api, desk: Desk) -> None:
    made = json.loads(run_admin("employees", "sign-in-link", "ALICE@example.com", "--json"))
    link, code = made["link"].split("#sign-in=")
    assert (made["email"], link) == ("alice@example.com", "http://desk.test/")
    assert use_code(api, code).json["data"]["person"]["email"] == "alice@example.com"


def test_a_former_employee_gets_no_sign_in_link(desk: Desk) -> None:
    run_admin("employees", "deactivate", "alice@example.com")
    assert "not active" in run_admin("employees", "sign-in-link", "alice@example.com", fails=True)
    assert "There is no employee" in run_admin("employees", "sign-in-link", "nobody@example.com", fails=True)


def test_deactivating_a_person_ends_their_sessions(api: Api, desk: Desk) -> None:
    code = json.loads(run_admin("employees", "sign-in-link", "alice@example.com", "--json"))["link"].split("=")[1]
    assert use_code(api, code).status == 201
    assert json.loads(run_admin("employees", "deactivate", "alice@example.com", "--json"))["sessionsEnded"] == 1


def test_a_provider_is_read_before_it_is_added(desk: Desk, provider: IdentityProvider) -> None:
    asked = ("sso", "add", "company", "--name", "Company", "--client-id", "x", "--domain", "@Example.com")
    assert "calls itself" in run_admin(*asked, "--issuer", f"{provider.issuer}/", fails=True)
    assert DynamoIdentityProviders().list_providers() == []
    made = json.loads(run_admin(*asked, "--issuer", provider.issuer, "--create-people", "--json"))
    assert made == {
        "id": "company",
        "name": "Company",
        "issuer": provider.issuer,
        "clientId": "x",
        "domains": ["example.com"],
        "createsPeople": True,
        "operatorGroup": None,
        "trustsEmails": False,
        "redirectUri": "http://desk.test/api/v2/sign-in/company/callback",
    }
    assert json.loads(run_admin("sso", "list", "--json")) == [made]
    assert CLIENT_SECRET not in run_admin("sso", "list")
    assert DynamoIdentityProviders().read_secret("company") == CLIENT_SECRET
    assert "can be reached" in run_admin("sso", "check", "company")
    provider.change = lambda *_: (500, b"")
    assert "answered 500" in run_admin("sso", "check", "company", fails=True)
    run_admin("sso", "remove", "company")
    assert run_admin("sso", "list") == "No providers.\n"
    assert "no such provider" in run_admin("sso", "remove", "company", fails=True)


def test_a_provider_of_the_whole_world_creates_nobody(desk: Desk, provider: IdentityProvider) -> None:
    asked = ("sso", "add", "company", "--name", "Company", "--client-id", "x", "--issuer", provider.issuer)
    assert "needs --domain" in run_admin(*asked, "--create-people", fails=True)
    assert "The id must" in run_admin("sso", "add", "No such/id", *asked[3:], fails=True)
