"""The operator's commands for the secrets that sign callbacks."""

import pytest
from click.testing import CliRunner, Result

from chalicelib.inbox.stores.signing_secrets import DynamoSigningSecrets
from infra.admin import main
from tests.conftest import Desk


def run(*args: str) -> Result:
    return CliRunner().invoke(main, args)


def test_the_operator_shows_and_rotates_a_secret(desk: Desk) -> None:
    shown = run("webhook-secret", "show", "fd1")
    assert (shown.exit_code, shown.stdout) == (0, f"{DynamoSigningSecrets().get('fd1').current}\n")
    rotated = run("webhook-secret", "rotate", "fd1")
    assert rotated.stdout != shown.stdout
    assert "also signs until" in rotated.stderr
    assert run("webhook-secret", "show", "fd1").stdout == rotated.stdout


def test_mistakes_are_told_without_a_traceback(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for command in ("show", "rotate"):
        failed = run("webhook-secret", command, "nobody")
        assert failed.exit_code == 1
        assert failed.stderr == "Error: There is no integrator nobody.\n"
    monkeypatch.delenv("FLUXDEN_SECRET_KEY")
    failed = run("webhook-secret", "show", "fd1")
    assert (failed.exit_code, "infra.admin secret-key" in failed.stderr) == (1, True)


def test_a_fresh_key_is_good_for_the_setting(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    key = run("secret-key").stdout.strip()
    monkeypatch.setenv("FLUXDEN_SECRET_KEY", key)
    assert run("webhook-secret", "show", "fd1").exit_code == 0
    assert run("secret-key").stdout.strip() != key
