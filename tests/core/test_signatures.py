"""Signatures and secrets, held against the reference library of Standard Webhooks."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from standardwebhooks import Webhook, WebhookVerificationError

from chalicelib import ids, vault
from chalicelib.aws import dynamodb
from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.core.domain.signatures import signed_headers
from chalicelib.inbox.domain.callbacks import SigningSecrets
from chalicelib.inbox.stores.secrets import DynamoSecrets
from chalicelib.resources import DIRECTORY
from tests.conftest import Desk
from tests.support.concurrency import run_concurrently

BODY = '{"said": "Grüße"}'.encode()


def headers(*secrets: str, at: datetime | None = None) -> dict[str, str]:
    return dict(signed_headers("msg_1", BODY, at=at or datetime.now(UTC), secrets=secrets))


def test_a_receiver_verifies_with_the_reference_library() -> None:
    secret = ids.signing_secret()
    assert Webhook(secret).verify(BODY, headers(secret)) == {"said": "Grüße"}


def test_the_signature_is_the_one_of_the_specification() -> None:
    """The specification's own example."""
    signed = signed_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        b'{"test": 2432232314}',
        at=datetime.fromtimestamp(1614265330, UTC),
        secrets=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    )
    assert signed == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_while_two_secrets_sign_either_verifies_and_no_other() -> None:
    current, prior = ids.signing_secret(), ids.signing_secret()
    signed = headers(current, prior)
    assert len(signed["webhook-signature"].split(" ")) == 2
    for known in (current, prior):
        assert Webhook(known).verify(BODY, signed)
    with pytest.raises(WebhookVerificationError):
        Webhook(ids.signing_secret()).verify(BODY, signed)


@pytest.mark.parametrize("changed", [{"webhook-id": "msg_2"}, {"webhook-timestamp": "1"}])
def test_id_time_and_body_are_all_covered(changed: dict[str, str]) -> None:
    secret = ids.signing_secret()
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY, headers(secret) | changed)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY + b" ", headers(secret))


def test_an_integrators_secret_is_made_once_whoever_asks_first(desk: Desk) -> None:
    found = run_concurrently(8, lambda _: DynamoSecrets().of("fd1").current)
    assert len(set(found)) == 1
    assert found[0].startswith("whsec_")
    assert DynamoSecrets().of("hr").current != found[0]


def test_after_a_rotation_both_sign_for_24_hours(desk: Desk) -> None:
    with time_machine.travel(datetime(2026, 5, 21, 12, tzinfo=UTC), tick=False) as clock:
        before = DynamoSecrets().of("fd1").current
        rotated = DynamoSecrets().rotate("fd1", now=datetime.now(UTC))
        assert DynamoSecrets().of("fd1") == rotated
        assert rotated.live(datetime.now(UTC)) == [rotated.current, before]
        clock.shift(timedelta(hours=24) - timedelta(seconds=1))
        assert rotated.live(datetime.now(UTC)) == [rotated.current, before]
        clock.shift(timedelta(seconds=1))
        assert DynamoSecrets().of("fd1").live(datetime.now(UTC)) == [rotated.current]


def test_a_further_rotation_ends_the_older_secret(desk: Desk) -> None:
    now = datetime.now(UTC)
    first = DynamoSecrets().of("fd1").current
    second, third = (DynamoSecrets().rotate("fd1", now=now) for _ in range(2))
    assert third.live(now) == [third.current, second.current]
    assert first not in third.live(now)


def test_of_simultaneous_rotations_each_secret_is_replaced_once(desk: Desk) -> None:
    def rotate(_: int) -> SigningSecrets | None:
        try:
            return DynamoSecrets().rotate("fd1", now=datetime.now(UTC))
        except Conflict:
            return None

    made = [each for each in run_concurrently(6, rotate) if each]
    assert len({each.prior for each in made}) == len(made), "each replaced another"
    assert DynamoSecrets().of("fd1").current in {each.current for each in made}


def test_no_secret_is_stored_in_clear_and_none_opens_elsewhere(desk: Desk) -> None:
    secret = DynamoSecrets().rotate("fd1", now=datetime.now(UTC))
    stored = str(dynamodb().scan(TableName=DIRECTORY.physical_name)["Items"])
    for each in secret.live(datetime.now(UTC)):
        assert each not in stored
        assert each.removeprefix("whsec_") not in stored
    sealed = vault.seal("text", place="here")
    assert vault.unseal(sealed, place="here") == "text"
    with pytest.raises(ValueError, match="does not open"):
        vault.unseal(sealed, place="there")


def test_without_its_key_the_deployment_says_what_is_missing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("", "short", "nö", vault.new_key()[:-4]):
        monkeypatch.setenv("FLUXDEN_SECRET_KEY", value)
        with pytest.raises(ValueError, match=r"infra\.admin secret-key"):
            DynamoSecrets().of("fd1")


def test_an_unknown_integrator_has_no_secret_to_show(desk: Desk) -> None:
    for act in (DynamoSecrets().show, lambda slug: DynamoSecrets().rotate(slug, now=datetime.now(UTC))):
        with pytest.raises(NotFound):
            act("nobody")
