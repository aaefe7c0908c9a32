"""Passkeys: add them, sign in with them, and refuse what is no answer of theirs."""

import logging
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import cbor2
import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from chalicelib import aws
from chalicelib.core.domain import bounds
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.person_refs import person_ref
from chalicelib.core.stores.audit_log import AuditFilter, list_entries
from chalicelib.ids import SignInSecret, mint_sign_in_secret
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.settings import settings
from chalicelib.tokens.domain.passkeys import BROWSER_COOKIE, NewCredentialIn, PasskeyRefused, RelyingParty
from chalicelib.tokens.domain.sessions import COOKIE
from chalicelib.tokens.gateways.passkeys import WebAuthn
from infra.tables import DEFINITIONS
from tests.conftest import Desk
from tests.support import authenticator
from tests.support.api import Answer, Api
from tests.support.api_keys import new_api_key
from tests.support.authenticator import BACKED_UP, CAN_BE_BACKED_UP, PRESENT, VERIFIED, Page, SoftPasskey
from tests.support.concurrency import run_concurrently
from tests.support.passkeys import ANSWER, ASK, MINE, OWN, Visitor, options_of
from tests.support.sign_in_calls import printed_calls

ME = "/api/v2/me"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.binary(max_size=20) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.integers(-10, 10) | st.text(max_size=8), inner),
    max_leaves=8,
)
LATER = datetime(2040, 5, 21, 12, 0, 10, tzinfo=UTC)
PUBLIC = Page("https://desk.example.com:8443", "desk.example.com")
LOCAL = Page("http://localhost:8000", "localhost")


@pytest.fixture
def alice(api: Api, desk: Desk) -> Visitor:
    """A browser in which Alice is signed in."""
    return Visitor(api).sign_in(desk.user_id("alice"))


@pytest.fixture
def passkey(alice: Visitor) -> SoftPasskey:
    """A passkey of Alice."""
    return alice.add()


@pytest.fixture
def stranger(api: Api) -> Visitor:
    """A browser in which nobody is signed in."""
    return Visitor(api)


def listed(visitor: Visitor) -> list[dict[str, Any]]:
    answer = visitor.call("GET", MINE)
    assert answer.status == 200, answer.text
    found: list[dict[str, Any]] = answer.json["data"]
    return found


def is_refused(answer: Answer, status: int = 401) -> bool:
    return (answer.status, COOKIE in answer.headers.get("set-cookie", "")) == (status, False)


# Adding


def test_a_browser_is_asked_for_a_passkey_that_needs_no_name_and_verifies_its_user(alice: Visitor, desk: Desk) -> None:
    first = alice.add()
    asked = alice.ask_for_new()
    assert asked["rp"] == {"id": "desk.test", "name": "Fluxden"}
    assert asked["user"]["name"] == "alice@example.com"
    assert authenticator.decode(asked["user"]["id"]) == desk.user_id("alice").encode()
    assert asked["authenticatorSelection"] == {
        "residentKey": "required",
        "requireResidentKey": True,
        "userVerification": "required",
    }
    assert (asked["attestation"], asked["timeout"]) == ("none", 300_000)
    assert [each["id"] for each in asked["excludeCredentials"]] == [first.id]


def test_a_passkey_is_listed_with_what_is_known_of_it(api: Api, desk: Desk, stranger: Visitor) -> None:
    with time_machine.travel(LATER, tick=False) as clock:
        alice = Visitor(api).sign_in(desk.user_id("alice"))
        passkey = alice.add("Work laptop", flags=PRESENT | VERIFIED | CAN_BE_BACKED_UP)
        clock.shift(60)
        assert stranger.use(passkey, flags=PRESENT | VERIFIED | CAN_BE_BACKED_UP | BACKED_UP).status == 201
        assert listed(alice) == [
            {
                "id": passkey.passkey_id,
                "name": "Work laptop",
                "transports": ["hybrid", "internal"],
                "isBackedUp": True,
                "createdAt": "2040-05-21T12:00:10.000Z",
                "lastUsedAt": "2040-05-21T12:01:10.000Z",
                "countedBackAt": None,
            }
        ]


def test_a_key_adds_a_passkey_too_unless_it_expires(api: Api, desk: Desk) -> None:
    browser = Visitor(api)
    answer = browser.call("POST", f"{MINE}/options", token=desk.alice_key)
    _, credential = authenticator.create(options_of(answer), OWN)
    body = {"name": "Phone", "credential": credential}
    assert browser.call("POST", MINE, body, token=desk.alice_key).status == 201
    expiring = api.post("/api/v2/keys", {"name": "short", "expiresInDays": 1}, desk.alice_key).json["data"]["key"]
    for path, sent in ((f"{MINE}/options", None), (MINE, body)):
        refused = browser.call("POST", path, sent, token=expiring)
        assert (refused.status, "expires" in refused.json["error"]) == (403, True)


def test_keys_with_some_permissions_do_not_touch_passkeys(api: Api, desk: Desk) -> None:
    key = new_api_key(desk, "alice", "queue")
    assert {api.get(MINE, key).status, api.post(f"{MINE}/options", None, key).status} == {403}


@pytest.mark.parametrize(
    "flaw", ["origin", "rp id", "embedded", "no verification", "no presence", "assertion", "another challenge", "noise"]
)
def test_an_authenticators_answer_that_is_not_for_this_desk_adds_nothing(alice: Visitor, flaw: str) -> None:
    asked, page, more = alice.ask_for_new(), OWN, {}
    match flaw:
        case "origin":
            page = Page("https://desk.test:8443", "desk.test")
        case "rp id":
            page = Page(OWN.origin, "evil.test")
        case "embedded":
            page = Page(OWN.origin, OWN.rp_id, cross_origin=True)
        case "no verification":
            more = {"flags": PRESENT}
        case "no presence":
            more = {"flags": VERIFIED}
        case "another challenge":
            other = mint_sign_in_secret(SignInSecret.CHALLENGE).text
            asked = asked | {"challenge": authenticator.encode(other.encode())}
    _, credential = authenticator.create(asked, page, **more)
    if flaw == "assertion":
        client = authenticator.decode(credential["response"]["clientDataJSON"]).replace(b".create", b".get")
        credential["response"]["clientDataJSON"] = authenticator.encode(client)
    if flaw == "noise":
        credential["response"]["attestationObject"] = authenticator.encode(b"\xbf" * 40)
    answer = alice.send_new(credential)
    assert answer.status == (409 if flaw == "another challenge" else 400), answer.text
    assert listed(alice) == []
    if flaw != "embedded":
        _, good = authenticator.create(asked, OWN)
        assert alice.send_new(good).status == 409, "the challenge is used up"


def test_a_challenge_adds_one_passkey_even_among_sixteen(alice: Visitor) -> None:
    asked = alice.ask_for_new()
    made = [authenticator.create(asked, OWN)[1] for _ in range(16)]
    assert sorted(run_concurrently(16, lambda n: alice.send_new(made[n]).status)) == [201] + [409] * 15
    assert len(listed(alice)) == 1


def test_a_passkey_is_added_in_the_browser_that_asked_by_the_person_who_asked(
    api: Api, desk: Desk, alice: Visitor, stranger: Visitor
) -> None:
    asked = alice.ask_for_new()
    _, credential = authenticator.create(asked, OWN)
    bob = Visitor(api).sign_in(desk.user_id("bob"))
    bob.ask_for_new()
    assert bob.send_new(credential).status == 409, "another browser"
    bob.cookies[BROWSER_COOKIE] = alice.cookies[BROWSER_COOKIE]
    assert bob.send_new(credential).status == 409, "another person"
    _, signing = authenticator.create(alice.ask() | {"user": asked["user"]}, OWN)
    assert alice.send_new(signing).status == 409, "a challenge to sign in"
    assert alice.send_new(credential).status == 201


def test_nobody_adds_the_passkey_of_somebody_else(api: Api, desk: Desk, alice: Visitor, passkey: SoftPasskey) -> None:
    bob = Visitor(api).sign_in(desk.user_id("bob"))
    copied = SoftPasskey(b"bob", credential_id=passkey.credential_id)
    _, credential = authenticator.create(bob.ask_for_new(), OWN, passkey=copied)
    assert bob.send_new(credential).status == 409
    assert (listed(bob), len(listed(alice))) == ([], 1)


def test_a_person_has_twenty_passkeys_and_one_that_goes_makes_room(alice: Visitor) -> None:
    made = [alice.add(f"Number {number}") for number in range(bounds.PASSKEYS.most)]
    _, credential = authenticator.create(alice.ask_for_new(), OWN)
    answer = alice.send_new(credential)
    assert (answer.status, "Remove one first" in answer.json["error"]) == (409, True)
    assert alice.call("DELETE", f"{MINE}?id={made[0].passkey_id}").status == 200
    alice.add()
    assert len(listed(alice)) == bounds.PASSKEYS.most


# Signing in


def test_a_passkey_signs_its_person_in_without_a_name(
    alice: Visitor, passkey: SoftPasskey, stranger: Visitor, desk: Desk
) -> None:
    asked = stranger.ask()
    assert (asked["rpId"], asked["userVerification"], asked["allowCredentials"]) == ("desk.test", "required", [])
    answer = stranger.send(authenticator.get(asked, OWN, passkey))
    assert answer.status == 201, answer.text
    person = {"id": desk.user_id("alice"), "name": "Alice", "email": "alice@example.com"}
    assert answer.json["data"]["person"] == person
    assert answer.headers["set-cookie"] == (
        f"{COOKIE}={stranger.cookies[COOKIE]}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=604800"
    )
    assert stranger.call("GET", ME).json["data"]["key"]["isSession"]


def test_signing_in_takes_the_store_calls_that_the_decision_prints(api: Api, desk: Desk) -> None:
    passkey = Visitor(api).add(token=desk.bob_key)
    stranger = Visitor(api)
    asking = stranger.call("POST", ASK)
    answer = stranger.send(authenticator.get(options_of(asking), OWN, passkey))
    assert (answer.status, asking.steps) == (201, printed_calls("a passkey: the challenge"))
    assert answer.steps == printed_calls("a passkey: the session")


def test_the_cookie_of_the_browser_is_for_this_host_only(stranger: Visitor) -> None:
    header = stranger.call("POST", ASK).headers["set-cookie"]
    value = stranger.cookies[BROWSER_COOKIE]
    assert header == f"{BROWSER_COOKIE}={value}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=300"
    stranger.ask()
    assert stranger.cookies[BROWSER_COOKIE] == value, "each of its tabs can answer"


def test_challenge_and_cookie_are_in_no_row(stranger: Visitor) -> None:
    challenge = authenticator.decode(stranger.ask()["challenge"]).decode()
    rows = str([aws.dynamodb().scan(TableName=each.table.physical_name)["Items"] for each in DEFINITIONS])
    assert challenge.startswith(SignInSecret.CHALLENGE)
    assert challenge not in rows
    assert stranger.cookies[BROWSER_COOKIE] not in rows


def test_signing_in_ends_the_session_that_the_browser_had(
    api: Api, desk: Desk, passkey: SoftPasskey, stranger: Visitor
) -> None:
    stranger.sign_in(desk.user_id("bob"))
    old = stranger.cookies[COOKIE]
    assert stranger.use(passkey).status == 201
    assert stranger.cookies[COOKIE] != old
    stale = Visitor(api, cookies={COOKIE: old})
    assert stale.call("GET", ME).status == 401


@pytest.mark.parametrize("flaw", ["origin", "other port", "rp id", "embedded", "no verification", "no presence"])
def test_an_answer_for_another_page_or_without_its_user_signs_nobody_in(
    passkey: SoftPasskey, stranger: Visitor, flaw: str
) -> None:
    page, more = OWN, {}
    match flaw:
        case "origin":
            page = Page("https://evil.test", "desk.test")
        case "other port":
            page = Page("https://desk.test:8443", "desk.test")
        case "rp id":
            page = Page(OWN.origin, "evil.test")
        case "embedded":
            page = Page(OWN.origin, OWN.rp_id, cross_origin=True)
        case "no verification":
            more = {"flags": PRESENT}
        case "no presence":
            more = {"flags": VERIFIED}
    assert is_refused(stranger.send(authenticator.get(stranger.ask(), page, passkey, **more)))
    assert stranger.use(passkey).status == 201, "the passkey is still good"


@pytest.mark.parametrize(
    "flaw", ["signature", "key", "kind", "id", "raw id", "user handle", "no user handle", "unknown"]
)
def test_an_answer_that_is_not_the_passkeys_signs_nobody_in(
    desk: Desk, passkey: SoftPasskey, stranger: Visitor, flaw: str
) -> None:
    asked, sent = stranger.ask(), passkey
    if flaw == "key":
        sent = SoftPasskey(passkey.user_handle, credential_id=passkey.credential_id)
    if flaw == "unknown":
        sent = SoftPasskey(passkey.user_handle)
    credential = authenticator.get(asked, OWN, sent, kind="webauthn.create" if flaw == "kind" else "webauthn.get")
    response = credential["response"]
    match flaw:
        case "signature":
            response["signature"] = response["signature"][:-8] + "AAAAAAAA"
        case "id":
            credential["id"] = authenticator.encode(b"another")
        case "raw id":
            credential["rawId"] = authenticator.encode(b"another")
        case "user handle":
            response["userHandle"] = authenticator.encode(desk.user_id("bob").encode())
        case "no user handle":
            response["userHandle"] = None
    assert is_refused(stranger.send(credential))
    assert is_refused(stranger.send(authenticator.get(asked, OWN, passkey))), "the challenge is used up"


def test_the_passkey_of_somebody_else_signs_in_nobody_but_them(
    api: Api, desk: Desk, passkey: SoftPasskey, stranger: Visitor
) -> None:
    bobs = Visitor(api).sign_in(desk.user_id("bob")).add()
    credential = authenticator.get(stranger.ask(), OWN, bobs)
    for name, value in (("id", passkey.id), ("rawId", passkey.id)):
        credential[name] = value
    credential["response"]["userHandle"] = authenticator.encode(passkey.user_handle)
    assert is_refused(stranger.send(credential))


def test_an_answer_is_good_once_even_among_sixteen(passkey: SoftPasskey, stranger: Visitor) -> None:
    credential = authenticator.get(stranger.ask(), OWN, passkey)
    sent = stranger.headers()
    statuses = run_concurrently(
        16, lambda _: stranger.api.call("POST", ANSWER, {"credential": credential}, headers=sent).status
    )
    assert sorted(statuses) == [201] + [401] * 15
    assert is_refused(stranger.send(credential))


def test_sixteen_people_sign_in_at_the_same_time(api: Api, alice: Visitor) -> None:
    """The same person in sixteen browsers, each with a passkey of its own."""
    made = [(Visitor(api), alice.add(f"Number {number}")) for number in range(16)]
    answers = [(visitor, authenticator.get(visitor.ask(), OWN, each)) for visitor, each in made]
    assert set(run_concurrently(16, lambda number: answers[number][0].send(answers[number][1]).status)) == {201}


def test_a_challenge_of_another_browser_signs_nobody_in(api: Api, passkey: SoftPasskey, stranger: Visitor) -> None:
    other = Visitor(api)
    other.ask()
    credential = authenticator.get(stranger.ask(), OWN, passkey)
    assert is_refused(other.send(credential))
    other.cookies.clear()
    assert is_refused(other.send(credential))
    assert stranger.send(credential).status == 201


@pytest.mark.parametrize("text", ["", "x", "fxp_" + "a" * 49, "unknown", "ticket"])
def test_a_challenge_that_is_not_of_this_desk_signs_nobody_in(
    passkey: SoftPasskey, stranger: Visitor, text: str
) -> None:
    made = {"unknown": SignInSecret.CHALLENGE, "ticket": SignInSecret.TICKET}
    challenge = mint_sign_in_secret(made[text]).text if text in made else text
    asked = stranger.ask() | {"challenge": authenticator.encode(challenge.encode())}
    assert is_refused(stranger.send(authenticator.get(asked, OWN, passkey)))


def test_a_challenge_to_add_a_passkey_signs_nobody_in(alice: Visitor, passkey: SoftPasskey) -> None:
    del (asked := alice.ask_for_new())["user"]
    assert is_refused(alice.send(authenticator.get(asked, OWN, passkey)))


def test_a_challenge_ends_after_five_minutes(api: Api, desk: Desk) -> None:
    with time_machine.travel(LATER, tick=False) as clock:
        alice, stranger = Visitor(api).sign_in(desk.user_id("alice")), Visitor(api)
        passkey = alice.add()
        first, second = stranger.ask(), stranger.ask()
        clock.shift(timedelta(minutes=5, seconds=-1))
        assert stranger.send(authenticator.get(first, OWN, passkey)).status == 201
        clock.shift(1)
        answer = stranger.send(authenticator.get(second, OWN, passkey))
    assert (answer.status, "too long" in answer.json["error"]) == (401, True)


def test_a_counter_that_goes_back_is_refused_and_noted(
    alice: Visitor, passkey: SoftPasskey, stranger: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    copy = SoftPasskey(passkey.user_handle, 0, passkey.credential_id, passkey.private)
    for _ in range(3):
        assert stranger.use(passkey).status == 201
    with caplog.at_level(logging.WARNING, "fluxden"):
        assert is_refused(stranger.use(copy))
    assert "went from 3 to 1" in caplog.text
    assert listed(alice)[0]["countedBackAt"] is not None
    assert stranger.use(passkey).status == 201


def test_a_counter_that_stops_is_refused(passkey: SoftPasskey, stranger: Visitor) -> None:
    assert stranger.use(passkey).status == 201
    passkey.count = None
    assert is_refused(stranger.use(passkey))


def test_a_passkey_that_does_not_count_works_again_and_again(alice: Visitor, stranger: Visitor) -> None:
    passkey = alice.add(count=None)
    assert [stranger.use(passkey).status for _ in range(3)] == [201] * 3


def test_a_former_employee_is_not_signed_in(desk: Desk, passkey: SoftPasskey, stranger: Visitor) -> None:
    DynamoDirectory().set_active(desk.user_id("alice"), active=False)
    answer = stranger.use(passkey)
    assert is_refused(answer)
    assert "not active" in answer.json["error"]


def test_a_person_who_is_deactivated_meanwhile_adds_nothing(api: Api, desk: Desk) -> None:
    browser = Visitor(api)
    asked = options_of(browser.call("POST", f"{MINE}/options", token=desk.alice_key))
    DynamoDirectory().set_active(desk.user_id("alice"), active=False)
    body = {"name": "Phone", "credential": authenticator.create(asked, OWN)[1]}
    assert browser.call("POST", MINE, body, token=desk.alice_key).status == 403
    assert browser.call("POST", f"{MINE}/options", token=desk.alice_key).status == 403


@pytest.mark.parametrize("path", [ASK, ANSWER])
def test_a_page_of_another_site_signs_nobody_in(passkey: SoftPasskey, stranger: Visitor, path: str) -> None:
    credential = authenticator.get(stranger.ask(), OWN, passkey)
    body = {"credential": credential} if path == ANSWER else None
    headers = stranger.headers() | {"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"}
    assert stranger.api.call("POST", path, body, headers=headers).status == 403
    assert stranger.send(credential).status == 201


def test_one_network_gets_three_hundred_challenges_a_minute(stranger: Visitor) -> None:
    with time_machine.travel(LATER, tick=False):
        statuses = [stranger.call("POST", ASK, address="203.0.113.9").status for _ in range(301)]
        assert (set(statuses[:300]), statuses[300]) == ({200}, 429)
        assert stranger.call("POST", ASK, address="198.51.100.1").status == 200


@pytest.mark.parametrize("field", ["clientDataJSON", "authenticatorData", "signature"])
@pytest.mark.parametrize("value", ["AA", "____", "e30", "bnVsbA", "W10", "A"])
def test_what_is_no_answer_is_refused_and_no_fault(
    passkey: SoftPasskey, stranger: Visitor, field: str, value: str
) -> None:
    credential = authenticator.get(stranger.ask(), OWN, passkey)
    credential["response"][field] = value
    assert is_refused(stranger.send(credential))


@given(st.sampled_from(["clientDataJSON", "attestationObject"]), st.binary(max_size=400) | st.builds(cbor2.dumps, JSON))
def test_whatever_an_authenticator_sends_is_read_or_refused(field: str, value: bytes) -> None:
    """Also under the flags and lengths of a good answer, since decoders below the library raise what they meet."""
    asked = {"user": {"id": "YQ"}, "challenge": "eA"}
    _, credential = authenticator.create(asked, OWN)
    if field == "attestationObject":
        good = authenticator.decode(credential["response"][field])
        value = good[: len(good) // 2] + value
    credential["response"][field] = authenticator.encode(value)
    web_authn = WebAuthn(RelyingParty(OWN.rp_id, OWN.origin))
    with suppress(ValidationError, PasskeyRefused):
        web_authn.verify_new(NewCredentialIn.model_validate(credential), "x")


# Names, and removing


def test_a_person_renames_and_removes_their_passkeys(alice: Visitor, passkey: SoftPasskey, stranger: Visitor) -> None:
    other = alice.add("Phone")
    assert alice.call("PATCH", MINE, {"id": passkey.passkey_id, "name": "Old laptop"}).status == 200
    assert {each["name"] for each in listed(alice)} == {"Old laptop", "Phone"}
    assert alice.call("DELETE", f"{MINE}?id={passkey.passkey_id}").status == 200
    assert [each["id"] for each in listed(alice)] == [other.passkey_id]
    assert is_refused(stranger.use(passkey))
    assert stranger.use(other).status == 201
    assert alice.call("DELETE", f"{MINE}?id={passkey.passkey_id}").status == 404


def test_nobody_touches_another_persons_passkey(api: Api, desk: Desk, alice: Visitor, passkey: SoftPasskey) -> None:
    bob = Visitor(api).sign_in(desk.user_id("bob"))
    assert bob.call("PATCH", MINE, {"id": passkey.passkey_id, "name": "Mine"}).status == 404
    assert bob.call("DELETE", f"{MINE}?id={passkey.passkey_id}").status == 404
    assert [each["name"] for each in listed(alice)] == ["Laptop"]


# The audit log


def test_passkeys_and_what_signs_in_with_them_are_recorded(desk: Desk, alice: Visitor, stranger: Visitor) -> None:
    passkey = alice.add("Laptop")
    assert stranger.use(passkey).status == 201
    assert alice.call("DELETE", f"{MINE}?id={passkey.passkey_id}").status == 200
    assert is_refused(stranger.use(passkey))
    found = list_entries(AuditFilter(), after=None, limit=40).entries
    recorded = {(each.kind, each.subject.type if each.subject else None, each.details.get("way")) for each in found}
    assert recorded >= {
        (AuditKind.PASSKEY_ADD, "passkey", None),
        (AuditKind.SESSION_BEGIN, "session", "passkey"),
        (AuditKind.PASSKEY_REMOVE, "passkey", None),
        (AuditKind.SESSION_REFUSE, None, "passkey"),
    }
    (added,) = (each for each in found if each.kind == AuditKind.PASSKEY_ADD)
    assert added.subject
    assert added.subject.id == passkey.passkey_id
    assert (added.actor.id, added.details) == (person_ref(desk.user_id("alice")), {})


# The desk's address


@pytest.mark.parametrize(
    ("base_url", "page", "host"),
    [
        ("https://desk.example.com:8443/prod", PUBLIC, "desk.example.com:8443"),
        ("https://desk.example.com:8443", PUBLIC, "10.0.0.7"),
        ("http://127.0.0.1:8000", LOCAL, "localhost:8000"),
        ("", LOCAL, "localhost:8000"),
    ],
)
def test_passkeys_are_for_the_desks_own_name(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch, base_url: str, page: Page, host: str
) -> None:
    monkeypatch.setenv("FLUXDEN_BASE_URL", base_url)
    settings.cache_clear()
    passkey = Visitor(api, page, host).sign_in(desk.user_id("alice")).add()
    stranger = Visitor(api, page, host)
    assert stranger.ask()["rpId"] == page.rp_id
    assert stranger.use(passkey).status == 201
    # Behind a proxy a page may name the host that it asked, which is none of the desk's own.
    other = Visitor(api, Page("https://10.0.0.7", page.rp_id), "10.0.0.7")
    if page is PUBLIC:
        assert is_refused(other.use(passkey))
    else:
        assert other.call("POST", ASK).status == 409


@pytest.mark.parametrize(
    ("base_url", "host", "says"),
    [
        ("", "desk.test", "FLUXDEN_BASE_URL"),
        ("", "127.0.0.1:8000", "FLUXDEN_BASE_URL"),
        ("", "localhost.evil.test", "FLUXDEN_BASE_URL"),
        ("https://192.0.2.7", "192.0.2.7", "FLUXDEN_BASE_URL"),
        ("https://192.0.2.7", "localhost:8000", "FLUXDEN_BASE_URL"),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", "http://localhost:8000"),
        ("http://[::1]:8000", "[::1]:8000", "http://localhost:8000"),
    ],
)
def test_a_desk_without_a_name_says_why_there_are_no_passkeys(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch, base_url: str, host: str, says: str
) -> None:
    monkeypatch.setenv("FLUXDEN_BASE_URL", base_url)
    settings.cache_clear()
    visitor = Visitor(api, Page(f"http://{host}", host), host)
    answers = [visitor.call("POST", ASK), visitor.call("POST", f"{MINE}/options", token=desk.alice_key)]
    assert [(each.status, says in each.json["error"]) for each in answers] == [(409, True)] * 2
