"""Signatures, verified with the reference library of Standard Webhooks."""

from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from chalicelib import ids
from chalicelib.core.domain.signatures import signature_headers

BODY = '{"said": "Grüße"}'.encode()


def headers(*secrets: str, at: datetime | None = None) -> dict[str, str]:
    return dict(signature_headers("msg_1", BODY, at=at or datetime.now(UTC), secrets=secrets))


def test_receiver_verifies_with_the_reference_library() -> None:
    secret = ids.new_signing_secret()
    assert Webhook(secret).verify(BODY, headers(secret)) == {"said": "Grüße"}


def test_signature_is_the_one_of_the_specification() -> None:
    """The specification's own example."""
    signed = signature_headers(
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


def test_with_two_secrets_either_verifies_and_no_other() -> None:
    current, prior = ids.new_signing_secret(), ids.new_signing_secret()
    signed = headers(current, prior)
    assert len(signed["webhook-signature"].split(" ")) == 2
    for known in (current, prior):
        assert Webhook(known).verify(BODY, signed)
    with pytest.raises(WebhookVerificationError):
        Webhook(ids.new_signing_secret()).verify(BODY, signed)


@pytest.mark.parametrize("changed", [{"webhook-id": "msg_2"}, {"webhook-timestamp": "1"}])
def test_signature_covers_id_time_and_body(changed: dict[str, str]) -> None:
    secret = ids.new_signing_secret()
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY, headers(secret) | changed)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY + b" ", headers(secret))
