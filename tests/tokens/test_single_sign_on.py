"""Signing in with a provider of identities: who is let in, and what is refused."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import time_machine
from chalice.local import LambdaContext
from joserfc import jwt

from chalicelib import aws
from chalicelib.core.stores.shares import DynamoShares
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import DIRECTORY
from chalicelib.settings import settings
from chalicelib.tokens.domain.identity_providers import ATTEMPT_COOKIE, Provider
from chalicelib.tokens.domain.sessions import COOKIE
from chalicelib.tokens.stores.identity_providers import DynamoIdentityProviders
from tests.conftest import Desk
from tests.support.api import SERVED, Api, gateway_event
from tests.support.concurrency import run_concurrently
from tests.support.identity_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    IdentityProvider,
    new_key,
    run_identity_provider,
)
from tests.support.sessions import cookie, sign_in
from tests.support.sign_in_calls import printed_calls
from tests.support.store_calls import record_store_calls

BASE = "https://desk.test/prod"
START = "/api/v2/sign-in/company"
CALLBACK = f"{START}/callback"
ME = "/api/v2/me"


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    with run_identity_provider() as made:
        yield made


@pytest.fixture(autouse=True)
def _addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_BASE_URL", BASE)
    monkeypatch.setenv("ALLOW_LOOPBACK", "1")
    settings.cache_clear()


@pytest.fixture
def set_up(desk: Desk, provider: IdentityProvider) -> Callable[..., None]:
    def save(**more: Any) -> None:
        made = Provider("company", "Company", provider.issuer, CLIENT_ID, **more)
        DynamoIdentityProviders().save_provider(made, CLIENT_SECRET)

    save()
    return save


class Visit:
    """One browser that signs in."""

    def __init__(self, api: Api, provider: IdentityProvider, *, device: str = "Test browser") -> None:
        self.api, self.provider, self.device = api, provider, device
        self.cookies: dict[str, str] = {}
        self.set_cookies: list[str] = []
        self.asked: dict[str, str] = {}

    def get(self, path: str) -> tuple[int, str]:
        """Call an operation, keep its cookies, and return the status and where it leads."""
        held = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        event = gateway_event("GET", path, {"Cookie": held, "User-Agent": self.device}, None)
        answer = SERVED["GET", event["requestContext"]["resourcePath"]](event, LambdaContext("x", 256))
        listed = answer["multiValueHeaders"].get("Set-Cookie") or [answer["headers"].get("Set-Cookie", "")]
        for each in filter(None, listed):
            self.set_cookies.append(each)
            name, _, value = each.partition(";")[0].partition("=")
            self.cookies[name] = value
            if each.endswith("Max-Age=0"):
                del self.cookies[name]
        return answer["statusCode"], answer["headers"].get("Location", "")

    def start(self) -> None:
        status, address = self.get(START)
        assert (status, address.startswith(f"{self.provider.issuer}/authorize?tenant=1&")) == (303, True), address
        self.asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}

    def come_back(self, **more: str | None) -> str:
        """Come back with a code, and return the fragment of the page that the browser ends at."""
        sent = {"code": "a code", "state": self.asked["state"]} | more
        status, address = self.get(f"{CALLBACK}?{urlencode({k: v for k, v in sent.items() if v is not None})}")
        assert (status, address.startswith(f"{BASE}/#")) == (303, True), address
        return address.partition("#")[2]

    def sign_in(self, **claims: Any) -> str:
        self.start()
        self.provider.claims = new_claims(self) | claims
        return self.come_back()

    @property
    def session(self) -> str:
        return self.cookies.get(COOKIE, "")

    def me(self) -> Any:
        return self.api.get(ME, headers=cookie(self.session)).json["data"]


def new_claims(visit: Visit, **more: Any) -> dict[str, Any]:
    now = int(datetime.now(UTC).timestamp())
    return {
        "iss": visit.provider.issuer,
        "aud": CLIENT_ID,
        "sub": "alice-1",
        "nonce": visit.asked["nonce"],
        "iat": now,
        "exp": now + 300,
        "email": "Alice@example.com",
        "email_verified": True,
        "name": "Alice Archer",
        "at_hash": "x",
    } | more


@pytest.fixture
def visit(api: Api, provider: IdentityProvider, set_up: Callable[..., None]) -> Visit:
    return Visit(api, provider)


def test_the_sign_in_page_lists_the_providers(api: Api, visit: Visit) -> None:
    assert api.get("/api/v2/sign-in").json["data"] == [{"id": "company", "name": "Company"}]


def test_the_provider_is_asked_as_the_standards_say(visit: Visit) -> None:
    visit.start()
    assert visit.asked == visit.asked | {
        "tenant": "1",
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": f"{BASE}{CALLBACK}",
        "scope": "openid email profile",
        "code_challenge_method": "S256",
    }
    assert len({visit.asked["state"], visit.asked["nonce"], visit.asked["code_challenge"]}) == 3
    secret = visit.cookies[ATTEMPT_COOKIE]
    assert not any(secret in value for value in visit.asked.values())


def test_a_verified_address_is_matched_once_and_the_subject_from_then_on(api: Api, desk: Desk, visit: Visit) -> None:
    assert visit.sign_in() == "signed-in"
    assert visit.me()["email"] == "alice@example.com"
    assert ATTEMPT_COOKIE not in visit.cookies
    # Her address changes at the provider; she stays who she is here.
    again = Visit(api, visit.provider)
    assert again.sign_in(email="alice.new@example.com") == "signed-in"
    assert again.me()["email"] == "alice@example.com"


def test_signing_in_takes_the_store_calls_that_the_decision_prints(api: Api, desk: Desk, visit: Visit) -> None:
    visit.sign_in()
    api.call("POST", "/api/v2/me/sign-out", headers=cookie(visit.session))
    again = Visit(api, visit.provider)
    with record_store_calls() as going:
        again.start()
    assert going.steps == printed_calls("a provider: going there")
    again.provider.claims = new_claims(again)
    with record_store_calls() as back:
        assert again.come_back() == "signed-in"
    assert back.steps == printed_calls("a provider: coming back, known subject")


def test_a_session_that_was_planted_in_the_browser_is_not_the_one_that_begins(
    api: Api, desk: Desk, visit: Visit
) -> None:
    planted = visit.cookies[COOKIE] = sign_in(api, desk.user_id("bob"))
    assert visit.sign_in() == "signed-in"
    assert visit.session != planted
    assert visit.me()["email"] == "alice@example.com"
    assert api.get(ME, headers=cookie(planted)).status == 401


def test_the_cookies_are_for_this_host_and_no_script(visit: Visit) -> None:
    visit.sign_in()
    flags = "Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age="
    assert [each.partition("; ")[2].rpartition("=")[0] + "=" for each in visit.set_cookies] == [flags] * 3
    assert [each.partition("=")[0] for each in visit.set_cookies] == [ATTEMPT_COOKIE, COOKIE, ATTEMPT_COOKIE]


def test_the_desk_proves_itself_and_its_attempt_to_the_provider(visit: Visit) -> None:
    visit.sign_in()
    (form,) = visit.provider.requests
    challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
    assert challenge == visit.asked["code_challenge"]
    assert (form["grant_type"], form["code"], form["redirect_uri"]) == (
        "authorization_code",
        "a code",
        f"{BASE}{CALLBACK}",
    )
    assert base64.b64decode(form["authorization"].removeprefix("Basic ")) == (
        b"fluxden:a+secret+of+this+desk+%26+100+%25+odd"
    )


def test_a_provider_may_want_the_secret_in_the_body(visit: Visit) -> None:
    visit.provider.discovery["token_endpoint_auth_methods_supported"] = ["client_secret_post", "private_key_jwt"]
    assert visit.sign_in() == "signed-in"
    (form,) = visit.provider.requests
    assert (form["client_secret"], form["authorization"]) == (CLIENT_SECRET, "")


def test_the_secret_is_in_no_row(visit: Visit) -> None:
    rows = str(aws.dynamodb().scan(TableName=DIRECTORY.physical_name)["Items"])
    assert "company" in rows
    assert CLIENT_SECRET not in rows


def test_what_the_token_leaves_out_is_asked_for(api: Api, visit: Visit) -> None:
    visit.start()
    about = {"email": "alice@example.com", "email_verified": True}
    visit.provider.claims = {k: v for k, v in new_claims(visit).items() if k not in about}
    visit.provider.user_info = {"sub": "alice-1"} | about
    assert visit.come_back() == "signed-in"
    assert visit.me()["email"] == "alice@example.com"


@pytest.mark.parametrize("more", [{"sub": "bob-1"}, {"sub": None}, {}])
def test_what_is_said_of_another_subject_is_refused(visit: Visit, more: dict[str, Any]) -> None:
    visit.start()
    visit.provider.claims = {k: v for k, v in new_claims(visit).items() if k != "email"}
    visit.provider.user_info = {"email": "alice@example.com", "email_verified": True} | more
    assert visit.come_back() == "sign-in-failed=invalid"


WRONG: dict[str, dict[str, Any]] = {
    "another audience": {"aud": "other"},
    "several audiences without this one": {"aud": ["other", "another"]},
    "another authorized party": {"aud": [CLIENT_ID, "other"], "azp": "other"},
    "another issuer": {"iss": "https://evil.test"},
    "another nonce": {"nonce": "x"},
    "no nonce": {"nonce": None},
    "expired": {"exp": 1_000_000},
    "no expiry": {"exp": None},
    "a text as expiry": {"exp": "never"},
    "issued in the future": {"iat": 4_000_000_000},
    "no subject": {"sub": None},
    "an empty subject": {"sub": ""},
    "a huge subject": {"sub": "x" * 256},
    "a number as subject": {"sub": 7},
}


@pytest.mark.parametrize("flaw", WRONG)
def test_a_token_that_is_not_for_this_attempt_is_refused(visit: Visit, flaw: str) -> None:
    assert visit.sign_in(**WRONG[flaw]) == "sign-in-failed=invalid"
    assert visit.session == ""


UNVERIFIED: dict[str, dict[str, Any]] = {
    "not verified": {"email_verified": False},
    "not verified, as a text": {"email_verified": "false"},
    "nothing said": {"email_verified": None},
    "a number": {"email_verified": 2},
    "no address": {"email": None},
    "no address, but a text": {"email": "alice"},
}


@pytest.mark.parametrize("flaw", UNVERIFIED)
def test_an_unverified_address_signs_nobody_in(visit: Visit, flaw: str) -> None:
    assert visit.sign_in(**UNVERIFIED[flaw]) == "sign-in-failed=unverified"
    assert visit.session == ""


def test_a_providers_addresses_can_be_trusted_but_not_against_its_word(
    api: Api, visit: Visit, set_up: Callable[..., None]
) -> None:
    set_up(trusts_emails=True)
    visit.start()
    visit.provider.claims = {k: v for k, v in new_claims(visit).items() if k != "email_verified"}
    assert visit.come_back() == "signed-in"
    assert Visit(api, visit.provider).sign_in(email_verified=False) == "sign-in-failed=unverified"


def test_only_addresses_of_the_allowed_domains_sign_in(api: Api, visit: Visit, set_up: Callable[..., None]) -> None:
    set_up(domains=frozenset({"example.org"}))
    assert visit.sign_in() == "sign-in-failed=domain"
    set_up(domains=frozenset({"example.org", "example.com"}))
    assert Visit(api, visit.provider).sign_in() == "signed-in"
    assert Visit(api, visit.provider).sign_in(email="alice@sub.example.com") == "sign-in-failed=domain"


def test_strangers_are_let_in_only_if_the_provider_may_create_people(
    api: Api, visit: Visit, set_up: Callable[..., None]
) -> None:
    new = {"sub": "zoe-1", "email": "zoe@example.com", "name": "Zoë\u202e Zimmer\n"}
    assert visit.sign_in(**new) == "sign-in-failed=no-account"
    set_up(creates_people=True)
    assert visit.sign_in(**new) == "signed-in"
    assert (visit.me()["email"], visit.me()["name"]) == ("zoe@example.com", "Zoë  Zimmer")


def test_a_former_employee_is_refused(desk: Desk, api: Api, visit: Visit) -> None:
    assert visit.sign_in() == "signed-in"
    DynamoDirectory().set_active(desk.user_id("alice"), active=False)
    assert Visit(api, visit.provider).sign_in() == "sign-in-failed=inactive"


def test_another_subject_with_the_same_address_is_refused(api: Api, visit: Visit) -> None:
    assert visit.sign_in() == "signed-in"
    assert Visit(api, visit.provider).sign_in(sub="somebody else") == "sign-in-failed=other-account"


def test_members_of_a_group_are_operators_and_others_are_not(
    desk: Desk, api: Api, visit: Visit, set_up: Callable[..., None]
) -> None:
    set_up(operator_group="desk-admins", groups_claim="roles")
    assert visit.sign_in(sub="bob-1", email="bob@example.com", roles=["staff", "desk-admins"]) == "signed-in"
    assert visit.me()["operator"] is True
    for roles in (["staff"], None, "desk-admins", [["desk-admins"]]):
        assert Visit(api, visit.provider).sign_in(sub="bob-1", email="bob@example.com", roles=roles) == "signed-in"
        assert visit.me()["operator"] is False


# The attempt


def test_a_state_of_another_browser_is_refused(api: Api, visit: Visit) -> None:
    attacker = Visit(api, visit.provider)
    attacker.start()
    visit.start()
    visit.provider.claims = new_claims(attacker)
    assert visit.come_back(state=attacker.asked["state"]) == "sign-in-failed=expired"
    assert (visit.session, visit.provider.requests) == ("", [])


@pytest.mark.parametrize("state", ["", "x", "état", None])
def test_a_made_up_state_is_refused(visit: Visit, state: str | None) -> None:
    visit.start()
    assert visit.come_back(state=state) == "sign-in-failed=expired"


def test_a_browser_without_an_attempt_is_refused(api: Api, visit: Visit) -> None:
    visit.start()
    other = Visit(api, visit.provider)
    other.asked = visit.asked
    assert other.come_back() == "sign-in-failed=expired"


def test_an_attempt_ends_with_its_first_answer(visit: Visit) -> None:
    assert visit.sign_in() == "signed-in"
    assert visit.come_back() == "sign-in-failed=expired"


def test_a_person_who_stops_is_told_so(visit: Visit) -> None:
    visit.start()
    assert visit.come_back(code=None, error="access_denied", error_description="no") == "sign-in-failed=stopped"


def test_an_answer_of_another_issuer_is_refused(visit: Visit) -> None:
    visit.start()
    assert visit.come_back(iss="https://evil.test") == "sign-in-failed=invalid"


def test_a_code_that_the_provider_refuses_signs_nobody_in(visit: Visit) -> None:
    visit.start()
    visit.provider.change = lambda path, answer: (
        (400, {"error": "invalid_grant"}) if path == "/token" else (200, answer)
    )
    assert visit.come_back() == "sign-in-failed=expired"


def test_sixteen_first_sign_ins_at_once_make_one_person(api: Api, visit: Visit, set_up: Callable[..., None]) -> None:
    set_up(creates_people=True)
    visits = [Visit(api, visit.provider) for _ in range(16)]
    for each in visits:
        each.start()
    nonces = {each.asked["code_challenge"]: each.asked["nonce"] for each in visits}

    # Each browser gets a token of its own attempt.
    def token_of(form: dict[str, str]) -> dict[str, str]:
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        claims = new_claims(visits[0], sub="zoe-1", email="zoe@example.com", nonce=nonces[challenge])
        return {"id_token": jwt.encode({"alg": "RS256", "kid": "first"}, claims, visit.provider.key)}

    plain = visit.provider.answer
    visit.provider.answer = (  # type: ignore[method-assign]
        lambda path, form: (200, token_of(form)) if path == "/token" else plain(path, form)
    )
    assert run_concurrently(16, lambda number: visits[number].come_back()) == ["signed-in"] * 16
    assert len({each.me()["id"] for each in visits}) == 1
    assert [each.email for each in DynamoDirectory().list_people()].count("zoe@example.com") == 1


# The provider


def test_a_token_signed_by_nobody_is_refused(visit: Visit) -> None:
    visit.start()
    header = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    claims = base64.urlsafe_b64encode(json.dumps(new_claims(visit)).encode()).decode().rstrip("=")
    visit.provider.token = lambda: f"{header}.{claims}."  # type: ignore[method-assign]
    assert visit.come_back() == "sign-in-failed=invalid"


def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(visit: Visit) -> None:
    visit.start()
    # The library refuses to make such a token.
    parts = [json.dumps(each).encode() for each in ({"alg": "HS256", "kid": "first"}, new_claims(visit))]
    signed = b".".join(base64.urlsafe_b64encode(each).rstrip(b"=") for each in parts)
    signature = hmac.digest(visit.provider.key.as_pem(private=False), signed, "sha256")
    token = (signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()
    visit.provider.token = lambda: token  # type: ignore[method-assign]
    assert visit.come_back() == "sign-in-failed=invalid"


def test_a_token_of_another_key_is_refused(visit: Visit) -> None:
    visit.provider.signing_key = new_key("first")
    assert visit.sign_in() == "sign-in-failed=invalid"


@pytest.mark.parametrize("token", ["", "x", "a.b", "a.b.c", "é.é.é", "." * 20, 7, None])
def test_what_is_no_token_is_refused(visit: Visit, token: Any) -> None:
    visit.start()
    visit.provider.token = lambda: token  # type: ignore[method-assign]
    assert visit.come_back() == "sign-in-failed=invalid"


def test_new_keys_of_a_provider_are_read_at_once_but_once_a_minute(api: Api, visit: Visit) -> None:
    with time_machine.travel(datetime(2040, 5, 21, 12, tzinfo=UTC), tick=False) as clock:
        assert visit.sign_in() == "signed-in"
        visit.provider.key = visit.provider.signing_key = new_key("second")
        clock.shift(timedelta(minutes=2))
        assert Visit(api, visit.provider).sign_in() == "signed-in"
        read = len(visit.provider.reads)
        visit.provider.signing_key = new_key("third")
        assert Visit(api, visit.provider).sign_in() == "sign-in-failed=invalid"
        assert len(visit.provider.reads) == read


def test_what_a_provider_publishes_is_read_once_a_day(api: Api, visit: Visit) -> None:
    with time_machine.travel(datetime(2040, 5, 21, 12, tzinfo=UTC), tick=False) as clock:
        for _ in range(3):
            assert Visit(api, visit.provider).sign_in() == "signed-in"
        assert len(visit.provider.reads) == 2
        clock.shift(timedelta(days=1))
        assert Visit(api, visit.provider).sign_in() == "signed-in"
        assert len(visit.provider.reads) == 4


def test_a_provider_that_is_away_for_a_moment_does_not_matter(api: Api, visit: Visit) -> None:
    with time_machine.travel(datetime(2040, 5, 21, 12, tzinfo=UTC), tick=False) as clock:
        assert visit.sign_in() == "signed-in"
        clock.shift(timedelta(days=2))
        visit.provider.change = lambda path, answer: (503, b"") if path != "/token" else (200, answer)
        assert Visit(api, visit.provider).sign_in() == "signed-in"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((503, b"away"), "unreachable"),
        ((200, b"<html>"), "invalid"),
        ((200, {"issuer": "https://evil.test"}), "invalid"),
        ((302, b""), "unreachable"),
        ((200, []), "invalid"),
    ],
)
def test_a_provider_that_is_none_is_named_kindly(visit: Visit, answer: tuple[int, Any], error: str) -> None:
    visit.provider.change = lambda *_: answer
    assert visit.get(START) == (303, f"{BASE}/#sign-in-failed={error}")


def test_a_provider_that_is_down_is_named_kindly(visit: Visit, set_up: Callable[..., None]) -> None:
    made = Provider("company", "Company", "http://127.0.0.1:1", CLIENT_ID)
    DynamoIdentityProviders().save_provider(made, CLIENT_SECRET)
    assert visit.get(START) == (303, f"{BASE}/#sign-in-failed=unreachable")


@pytest.mark.parametrize("path", ["/api/v2/sign-in/other", "/api/v2/sign-in/other/callback?code=x&state=x"])
def test_an_unknown_provider_is_named_kindly(visit: Visit, path: str) -> None:
    assert visit.get(path) == (303, f"{BASE}/#sign-in-failed=unknown-provider")


def test_one_network_cannot_make_the_desk_call_a_provider_without_end(visit: Visit) -> None:
    visit.start()
    answer = f"{CALLBACK}?{urlencode({'code': 'made-up', 'state': visit.asked['state']})}"
    now = datetime.now(UTC) + timedelta(minutes=1)
    with time_machine.travel(now, tick=False) as clock:
        for _ in range(300):
            DynamoShares().take("SIGN-IN", "127.0.0.1", most=300, now=now)
        for path in (answer, START):
            assert visit.get(path) == (303, f"{BASE}/#sign-in-failed=busy")
        clock.shift(60)
        visit.start()
