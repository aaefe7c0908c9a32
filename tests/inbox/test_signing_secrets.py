"""The secrets that sign an integrator's callbacks: made once, rotated, stored sealed."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from chalicelib import vault
from chalicelib.aws import dynamodb
from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.inbox.domain.callbacks import SigningSecrets
from chalicelib.inbox.stores.signing_secrets import DynamoSigningSecrets
from chalicelib.resources import DIRECTORY
from tests.conftest import Desk
from tests.support.concurrency import run_concurrently


def test_concurrent_first_requests_make_one_secret(desk: Desk) -> None:
    found = run_concurrently(8, lambda _: DynamoSigningSecrets().get("fd1").current)
    assert len(set(found)) == 1
    assert found[0].startswith("whsec_")
    assert DynamoSigningSecrets().get("hr").current != found[0]


def test_both_secrets_sign_for_24_hours_after_a_rotation(desk: Desk) -> None:
    with time_machine.travel(datetime(2026, 5, 21, 12, tzinfo=UTC), tick=False) as clock:
        before = DynamoSigningSecrets().get("fd1").current
        rotated = DynamoSigningSecrets().rotate("fd1", now=datetime.now(UTC))
        assert DynamoSigningSecrets().get("fd1") == rotated
        assert rotated.live(datetime.now(UTC)) == [rotated.current, before]
        clock.shift(timedelta(hours=24) - timedelta(seconds=1))
        assert rotated.live(datetime.now(UTC)) == [rotated.current, before]
        clock.shift(timedelta(seconds=1))
        assert DynamoSigningSecrets().get("fd1").live(datetime.now(UTC)) == [rotated.current]


def test_second_rotation_ends_the_oldest_secret(desk: Desk) -> None:
    now = datetime.now(UTC)
    first = DynamoSigningSecrets().get("fd1").current
    second, third = (DynamoSigningSecrets().rotate("fd1", now=now) for _ in range(2))
    assert third.live(now) == [third.current, second.current]
    assert first not in third.live(now)


def test_concurrent_rotations_replace_each_secret_once(desk: Desk) -> None:
    def rotate(_: int) -> SigningSecrets | None:
        try:
            return DynamoSigningSecrets().rotate("fd1", now=datetime.now(UTC))
        except Conflict:
            return None

    made = [each for each in run_concurrently(6, rotate) if each]
    assert len({each.prior for each in made}) == len(made), "each replaced another"
    assert DynamoSigningSecrets().get("fd1").current in {each.current for each in made}


def test_secrets_are_stored_sealed_and_open_in_their_place_only(desk: Desk) -> None:
    secret = DynamoSigningSecrets().rotate("fd1", now=datetime.now(UTC))
    stored = str(dynamodb().scan(TableName=DIRECTORY.physical_name)["Items"])
    for each in secret.live(datetime.now(UTC)):
        assert each not in stored
        assert each.removeprefix("whsec_") not in stored
    sealed = vault.seal("text", place="here")
    assert vault.unseal(sealed, place="here") == "text"
    with pytest.raises(ValueError, match="does not open"):
        vault.unseal(sealed, place="there")


def test_missing_sealing_key_is_named_in_the_error(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("", "short", "nö", vault.new_key()[:-4]):
        monkeypatch.setenv("FLUXDEN_SECRET_KEY", value)
        with pytest.raises(ValueError, match=r"infra\.admin secret-key"):
            DynamoSigningSecrets().get("fd1")


def test_unknown_integrator_has_no_secret(desk: Desk) -> None:
    for act in (
        DynamoSigningSecrets().get_known,
        lambda slug: DynamoSigningSecrets().rotate(slug, now=datetime.now(UTC)),
    ):
        with pytest.raises(NotFound):
            act("nobody")
