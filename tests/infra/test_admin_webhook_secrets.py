"""The admin commands for secrets that sign callbacks."""

import pytest
from click.testing import CliRunner, Result

from chalicelib.inbox.stores.signing_secrets import DynamoSigningSecrets
from infra.admin import main
from tests.conftest import Desk


def run(*args: str) -> Result:
    return CliRunner().invoke(main, args)


def test_a_secret_is_shown_and_rotated(desk: Desk) -> None:
    shown = run("webhook-secret", "show", "fd1")
    assert (shown.exit_code, shown.stdout) == (0, f"{DynamoSigningSecrets().get('fd1').current}\n")
    rotated = run("webhook-secret", "rotate", "fd1")
    assert rotated.stdout != shown.stdout
    assert "also signs until" in rotated.stderr
    assert run("webhook-secret", "show", "fd1").stdout == rotated.stdout


def test_errors_have_no_traceback(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for command in ("show", "rotate"):
        failed = run("webhook-secret", command, "nobody")
        assert failed.exit_code == 1
        assert failed.stderr == "Error: There is no integrator nobody.\n"
    monkeypatch.delenv("FLUXDEN_SECRET_KEY")
    failed = run("webhook-secret", "show", "fd1")
    assert (failed.exit_code, "infra.admin secret-key" in failed.stderr) == (1, True)


def test_a_new_secret_key_is_valid(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    key = run("secret-key").stdout.strip()
    monkeypatch.setenv("FLUXDEN_SECRET_KEY", key)
    assert run("webhook-secret", "show", "fd1").exit_code == 0
    assert run("secret-key").stdout.strip() != key
