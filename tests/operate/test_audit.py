"""The audit log through the API: who, from where, with what, and who may read it."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from chalicelib.core.domain.person_refs import person_ref
from chalicelib.core.stores.audit_trail import to_row
from chalicelib.core.stores.writes import write_all
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import AUDIT
from tests.conftest import Desk
from tests.core.test_audit_log import entry
from tests.operate.conftest import data
from tests.support.api import Api
from tests.support.erasures import begin, finish
from tests.support.log_lines import written_lines
from tests.support.sessions import OWN_PAGE, SESSIONS, cookie, new_code, sign_in, use_code

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
LOG, OWN = "/api/v2/operate/audit", "/api/v2/me/security-log"


def test_an_entry_tells_who_acted_from_where_with_what_and_what_changed(api: Api, desk: Desk) -> None:
    path = "/api/v2/operate/integrators/fd1"
    done = api.call("PATCH", path, {"name": "New"}, token=desk.alice_key, address="192.0.2.7")
    (found,) = data(api.get(f"{LOG}?kind=integrator.", desk.alice_key))["entries"]
    assert found["kind"] == "integrator.update"
    assert found["actor"] | {"credentialId": ""} == {
        "kind": "person",
        "id": desk.user_id("alice"),
        "name": "Alice",
        "email": "alice@example.com",
        "credential": "key",
        "credentialId": "",
        "isClaimed": False,
    }
    assert (found["subject"]["type"], found["subject"]["id"]) == ("integrator", "fd1")
    assert found["details"] == {"name": "changed"}
    assert (found["address"], found["requestId"]) == ("192.0.2.7", done.headers["x-request-id"])


def test_a_refused_change_has_no_entry(api: Api, desk: Desk) -> None:
    assert api.call("PATCH", "/api/v2/operate/integrators/none", {"name": "X"}, token=desk.alice_key).status == 404
    assert data(api.get(f"{LOG}?kind=integrator.", desk.alice_key))["entries"] == []


def test_a_repeated_change_under_a_key_has_one_entry(api: Api, desk: Desk) -> None:
    for _ in range(2):
        made = api.post("/api/v2/keys", {"name": "laptop"}, desk.bob_key, key="k")
        assert made.status == 201
    assert len(data(api.get(f"{LOG}?kind=key.create", desk.alice_key))["entries"]) == 1


def test_signing_in_and_being_refused_are_recorded(api: Api, desk: Desk) -> None:
    code = new_code(desk.user_id("bob"))
    assert use_code(api, code, device=FIREFOX).status == 201
    for _ in range(5):
        assert use_code(api, code, address="198.51.100.9").status == 401
    refused, begun = data(api.get(f"{LOG}?kind=session.", desk.alice_key))["entries"]
    assert (begun["kind"], begun["actor"]["email"], begun["actor"]["credential"]) == (
        "session.begin",
        "bob@example.com",
        "session",
    )
    assert begun["details"] == {"way": "link", "browser": "Firefox on Linux"}
    assert begun["subject"]["id"] == begun["actor"]["credentialId"]
    assert (refused["kind"], refused["actor"]["kind"], refused["address"]) == (
        "session.refuse",
        "stranger",
        "198.51.100.9",
    )
    assert refused["details"] == {"way": "link", "reason": "Unauthorized"}
    assert code not in str(refused)


@pytest.mark.parametrize(("path", "way"), [(SESSIONS, "link"), (f"{SESSIONS}/passkey", "passkey")])
def test_a_sign_in_from_the_page_of_another_site_is_recorded_once(api: Api, desk: Desk, path: str, way: str) -> None:
    headers = OWN_PAGE | {"Origin": "https://evil.test", "Sec-Fetch-Site": "cross-site"}
    first, *_ = [api.call("POST", path, {}, headers=headers, address="198.51.100.9") for _ in range(3)]
    assert first.status == 403
    (refused,) = data(api.get(f"{LOG}?kind=session.", desk.alice_key))["entries"]
    assert (refused["kind"], refused["actor"]["kind"], refused["address"], refused["requestId"]) == (
        "session.refuse",
        "stranger",
        "198.51.100.9",
        first.headers["x-request-id"],
    )
    assert refused["details"] == {"way": way, "page": "not of this desk", "reason": "Forbidden"}


def test_signing_out_is_recorded_with_the_session(api: Api, desk: Desk) -> None:
    session = sign_in(api, desk.user_id("bob"))
    assert api.call("POST", "/api/v2/me/sign-out", headers=cookie(session)).status == 200
    ended, begun = data(api.get(f"{LOG}?kind=session.", desk.alice_key))["entries"]
    assert ended["kind"] == "session.end"
    assert ended["subject"]["id"] == begun["subject"]["id"]


def test_only_operators_read_the_log(api: Api, desk: Desk) -> None:
    for path in (LOG, f"{LOG}/export"):
        assert api.get(path, desk.bob_key).status == 403
        assert api.get(path).status == 401


def test_filters_that_match_nothing_are_no_errors(api: Api, desk: Desk) -> None:
    for query in ("kind=nothing", "personId=11111111-0000-4000-8000-000000000009", "from=2999-01-01T00:00:00Z"):
        assert data(api.get(f"{LOG}?{query}", desk.alice_key)) == {"entries": [], "nextCursor": None}
    early, late = quote("2020-01-01T00:00:00Z"), quote("2030-01-01T00:00:00Z")
    assert data(api.get(f"{LOG}?from={late}&to={early}", desk.alice_key))["entries"] == []
    assert api.get(f"{LOG}?from=yesterday", desk.alice_key).status == 400


def test_an_erased_person_is_found_by_the_ref_of_their_entries(api: Api, desk: Desk) -> None:
    bob = DynamoDirectory().find_person(desk.user_id("bob"))
    assert bob is not None
    api.post("/api/v2/keys", {"name": "laptop"}, desk.bob_key)
    begin(bob)
    finish()
    entries = data(api.get(LOG, desk.alice_key))["entries"]
    ref = next(each["actor"]["id"] for each in entries if each["kind"] == "key.create")
    assert ref == person_ref(bob.user_id)
    found = data(api.get(f"{LOG}?personId={ref}", desk.alice_key))["entries"]
    assert [each["kind"] for each in found] == ["key.create"]
    exported = api.get(f"{LOG}/export?personId={ref}", desk.alice_key).text
    assert [json.loads(line)["id"] for line in exported.splitlines()] == [each["id"] for each in found]
    assert api.get(f"{LOG}?personId={ref[1:]}", desk.alice_key).status == 400


def test_lines_about_changes_name_people_by_refs(api: Api, desk: Desk) -> None:
    with written_lines() as written:
        api.call("PATCH", f"/api/v2/operate/employees/{desk.user_id('bob')}", {"name": "Robert"}, token=desk.alice_key)
    (line,) = [each for each in written() if each["message"] == "audit"]
    alice, bob = (person_ref(desk.user_id(name)) for name in ("alice", "bob"))
    assert (line["audit"], line["actorId"], line["row"]) == ("person.update", alice, bob)


def test_an_export_has_every_entry_in_lines_over_several_replies(
    api: Api, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.api.v2.operate_audit._LINES", 40)
    write_all(AUDIT, puts=[to_row(entry(number)) for number in range(100)])
    path, lines = f"{LOG}/export?kind=session.", []
    while path:
        reply = api.get(path, desk.alice_key)
        assert (reply.status, reply.headers["content-type"].partition(";")[0]) == (200, "application/x-ndjson")
        lines += reply.text.splitlines()
        link = reply.headers.get("link", "")
        path = link.partition("<")[2].partition(">")[0].partition("/api")[2]
        path = f"/api{path}" if path else ""
    found = [json.loads(line) for line in lines]
    assert [each["id"] for each in found] == [f"e{number:04}" for number in range(100) if number % 3 == 2]
    assert {each["kind"] for each in found} == {"session.begin"}


def test_a_forged_place_in_an_export_is_refused(api: Api, desk: Desk) -> None:
    assert api.get(f"{LOG}/export?after=x", desk.alice_key).status == 400


def test_people_see_what_concerns_their_access_and_not_where_others_acted_from(api: Api, desk: Desk) -> None:
    key = data(api.post("/api/v2/keys", {"name": "laptop"}, desk.bob_key), 201)["id"]
    api.call("PATCH", "/api/v2/keys", {"id": key, "isActive": False}, token=desk.bob_key, address="192.0.2.7")
    disabled, created = data(api.get(OWN, desk.bob_key))["entries"]
    assert (created["kind"], disabled["kind"]) == ("key.create", "key.disable")
    assert disabled["address"] == "192.0.2.7"
    assert data(api.get(OWN, desk.alice_key))["entries"] == []
    claim = {"email": "bob@example.com"}
    assert api.post("/api/v1/tokens/claim", claim, desk.fd1).status == 200
    claimed = data(api.get(OWN, desk.bob_key))["entries"][0]
    assert (claimed["kind"], claimed["actor"]["id"], claimed["address"]) == ("personalToken.claim", "fd1", None)


def test_entries_end_after_two_years(api: Api, desk: Desk) -> None:
    old = entry(1)
    object.__setattr__(old, "at", datetime.now(UTC) - timedelta(days=730))
    write_all(AUDIT, puts=[to_row(old)])
    assert data(api.get(f"{LOG}?kind=key.", desk.alice_key))["entries"] == []
