"""The keys that seal: a host has them in its environment, a deployment in Secrets Manager."""

import base64
import os
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib import aws, secret_keys, vault
from chalicelib.ids import new_nonce
from chalicelib.reach.unsubscribe import read_token, unsubscribe_url
from chalicelib.vault import new_key

KEY, KEY_ID = "FLUXDEN_SECRET_KEY", "FLUXDEN_SECRET_KEY_ID"


def test_secret_keys_are_read_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [new_key(), new_key()]
    monkeypatch.setenv(KEY, ",".join(keys))
    assert secret_keys.read_secret_keys() == [base64.urlsafe_b64decode(each) for each in keys]


@pytest.mark.parametrize("text", ["", "short", "a" * 44, f"{'A' * 43}=,", "é"])
def test_missing_or_malformed_secret_key_is_an_error(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(KEY, text)
    with pytest.raises(ValueError, match="FLUXDEN_SECRET_KEY must be set"):
        secret_keys.read_secret_keys()


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, list[str]]]:
    """The secret of a deployment with one key: its client, and a name for each time that it was read."""
    client, read = aws.secrets_manager(), list[str]()
    made = client.create_secret(Name=f"test/{new_nonce()}", SecretString=new_key())
    monkeypatch.delenv(KEY)
    monkeypatch.setenv(KEY_ID, made["ARN"])
    secret_keys._provider.cache_clear()

    def note(**_: object) -> None:
        read.append("GetSecretValue")

    client.meta.events.register("before-call.secrets-manager.GetSecretValue", note)
    yield client, read
    client.meta.events.unregister("before-call.secrets-manager.GetSecretValue", note)
    secret_keys._provider.cache_clear()


@pytest.mark.engine("embedded")
def test_a_deployment_reads_its_key_at_first_use_and_then_has_it(
    secret: tuple[Any, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, read = secret
    assert vault.unseal(vault.seal("text", place="here"), place="here") == "text"
    assert vault.unseal(vault.seal("more", place="here"), place="here") == "more"
    assert read == ["GetSecretValue"]


@pytest.mark.engine("embedded")
def test_a_key_in_the_environment_is_used_without_a_call(
    secret: tuple[Any, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, read = secret
    monkeypatch.setenv(KEY, new_key())
    assert vault.unseal(vault.seal("text", place="here"), place="here") == "text"
    assert read == []


@pytest.mark.engine("embedded")
def test_what_was_sealed_with_a_newer_key_opens_where_the_older_is_known(
    secret: tuple[Any, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, read = secret
    secret_id = os.environ[KEY_ID]
    before, old, new = vault.seal("before", place="here"), client.get_secret_value(SecretId=secret_id), new_key()
    client.put_secret_value(SecretId=secret_id, SecretString=f"{new},{old['SecretString']}")
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv(KEY, new)
        sealed = vault.seal("after", place="here")
    read.clear()
    assert vault.unseal(sealed, place="here") == "after"
    assert vault.unseal(before, place="here") == "before"
    assert read == ["GetSecretValue"]
    with pytest.raises(ValueError, match="does not open the secret of there"):
        vault.unseal(sealed, place="there")


@pytest.mark.engine("embedded")
def test_what_anybody_can_make_up_reads_no_keys_anew(secret: tuple[Any, list[str]]) -> None:
    _, read = secret
    token = unsubscribe_url("", "zoe").rpartition("/")[2]
    assert [read_token(each) for each in (token, "A" * 88, "B" * 88, f"{token[:-4]}AAAA")] == ["zoe", None, None, None]
    assert read == ["GetSecretValue"]


@pytest.mark.engine("embedded")
def test_a_secret_that_cannot_be_read_fails_with_the_reason(
    secret: tuple[Any, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_ID, "arn:aws:secretsmanager:us-east-1:123456789012:secret:nothing")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        vault.seal("text", place="here")
