"""What a provider publishes and claims: pure rules."""

from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.tokens.domain.identity_providers import (
    Attempt,
    Provider,
    SignInRefused,
    check_claims,
    read_discovery,
    read_identity,
)

NOW = datetime(2040, 5, 21, 12, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
PROVIDER = Provider("company", "Company", "https://login.test", "fluxden")
CLAIMS = {"iss": "https://login.test", "aud": "fluxden", "sub": "a", "nonce": "n", "iat": SECONDS, "exp": SECONDS + 60}
ABOUT = CLAIMS | {"email": "Ada@Example.com", "email_verified": True}
DOCUMENT = {
    "issuer": "https://login.test",
    "authorization_endpoint": "https://login.test/authorize",
    "token_endpoint": "https://login.test/token",
    "jwks_uri": "https://login.test/keys",
}


def test_good_claims_are_accepted_in_every_allowed_form() -> None:
    for more in ({}, {"aud": ["other", "fluxden"], "azp": "fluxden"}, {"exp": SECONDS - 59}, {"iat": SECONDS + 59}):
        check_claims(CLAIMS | more, PROVIDER, nonce="n", now=NOW)


@given(st.sampled_from(sorted(CLAIMS)), st.none() | st.text() | st.integers() | st.lists(st.text()) | st.booleans())
def test_no_claim_of_another_kind_is_taken_and_none_is_a_fault(name: str, value: Any) -> None:
    is_good = value == CLAIMS[name] or (name == "aud" and isinstance(value, list) and "fluxden" in value)
    is_good |= name == "sub" and isinstance(value, str) and 1 <= len(value) <= 255
    is_good |= name == "exp" and type(value) is int and value > SECONDS - 60
    is_good |= name == "iat" and type(value) is int and value <= SECONDS + 60
    with nullcontext() if is_good else pytest.raises(SignInRefused, match="the ID token has a wrong"):
        check_claims(CLAIMS | {name: value}, PROVIDER, nonce="n", now=NOW)


ANYTHING = st.none() | st.text() | st.integers() | st.lists(st.integers()) | st.booleans()


@given(st.dictionaries(st.sampled_from(["email", "email_verified", "name", "groups"]), ANYTHING))
def test_whatever_a_provider_says_of_a_person_is_read_or_refused(more: dict[str, Any]) -> None:
    is_good = isinstance(more.get("email"), str) and "@" in more["email"]
    is_good = is_good and more.get("email_verified") in (True, "true")
    with nullcontext() if is_good else pytest.raises(SignInRefused, match="address"):
        assert read_identity(CLAIMS | more, PROVIDER).email == more["email"].lower()


def test_a_person_without_a_name_is_called_by_the_address() -> None:
    assert read_identity(ABOUT, PROVIDER).name == "Ada"
    assert read_identity(ABOUT | {"name": "\u202e \n"}, PROVIDER).name == "Ada"
    assert len(read_identity(ABOUT | {"name": "x" * 1000}, PROVIDER).name) == 200


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize("value", [None, 7, ["https://login.test"]])
def test_a_discovery_document_must_have_what_signing_in_needs(name: str, value: Any) -> None:
    with pytest.raises(SignInRefused, match=name):
        read_discovery(DOCUMENT | {name: value}, "https://login.test")


def test_a_discovery_document_of_another_issuer_is_refused() -> None:
    with pytest.raises(SignInRefused, match="calls itself"):
        read_discovery(DOCUMENT, "https://login.test/")


def test_the_secret_is_sent_as_the_provider_takes_it() -> None:
    for methods, in_body in ((None, False), (["client_secret_basic"], False), (["client_secret_post"], True)):
        found = read_discovery(DOCUMENT | {"token_endpoint_auth_methods_supported": methods}, "https://login.test")
        assert found["takes_secret_in_body"] == in_body


@given(st.text(min_size=1), st.text(min_size=1))
def test_an_attempt_is_of_its_own_browser_only(secret: str, other: str) -> None:
    attempt = Attempt("x" + str(secret.encode("utf-8", "replace")))
    assert attempt.is_of(attempt.state)
    assert not attempt.is_of(other)
    assert len({attempt.state, attempt.nonce, attempt.verifier, attempt.challenge}) == 4
    assert 43 <= len(attempt.verifier) <= 128
