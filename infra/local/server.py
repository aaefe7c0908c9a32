"""The HTTP server of `chalice local`: on the stages of the local cloud, or on tables and queues in an AWS account."""

import errno
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from chalice import local
from chalice.app import Chalice

from chalicelib.telemetry import logs
from infra.local import reloading
from infra.local.gateway import Handler, Server

LOCAL = "local"
# `chalice local --port` has this default, so it yields to `PORT`.
_DEFAULT_PORT = 8000
PORTS = range(1, 65536)
_EXAMPLES = {"PORT": 8010, "WS_PORT": 8011}

_stopping: list[bool] = []


def install() -> None:
    """Make `chalice local` serve through our gateway, and reload as `infra.local.reloading` does."""
    reloading.leave_second_thread()
    local.create_local_server = create_local_server  # type: ignore[assignment]


def create_local_server(app: Chalice, config: Any, host: str, port: int) -> local.LocalDevServer:
    """Start what the stage needs, and return the server of `app`. Replaces the function of this name in Chalice.

    Exits with 1 and the reason if a port is not free, or something is missing.
    """
    if reloading.is_worker():
        reloading.watch()
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    # Chalice would write only the message of a line, without its fields.
    logs.install(with_metrics=False)
    port = read_number("PORT", port, PORTS) if port == _DEFAULT_PORT else port
    with report_busy_port("PORT", port):
        Server.reserved = reloading.listen("http", host, port)
    if os.environ.get("FLUXDEN_STAGE") == LOCAL:
        _start_cloud(app, host, port)
    else:
        _check_account(config.chalice_stage)
    local.CustomLocalChalice.__bases__ = (local.LocalChalice, app.__class__)
    app.__class__ = local.CustomLocalChalice
    return local.LocalDevServer(app, config, host, port, Handler, Server)


def read_number(name: str, default: int, allowed: range) -> int:
    """Read a number from the environment. Exits with 1 if it is not one of `allowed`."""
    text = os.environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(allowed[-1])) or int(text) not in allowed:
        kind = "a port number" if allowed is PORTS else "a whole number of seconds above zero"
        exit_with(f"{name} is {text!r}. Set it to {kind}.")
    return int(text)


@contextmanager
def report_busy_port(name: str, port: int) -> Iterator[None]:
    """Exit with 1 if the port that the block opens is not free."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        exit_with(f"Port {port} is already in use. Choose another one: make run {name}={_EXAMPLES[name]}")


def exit_with(message: str) -> NoReturn:
    """Print why the desk can't start, and exit with 1."""
    print(message, file=sys.stderr)
    _stopping.append(True)
    reloading.fail_parent()
    sys.exit(1)


def _start_cloud(app: Chalice, host: str, port: int) -> None:
    try:
        from infra.local import cloud
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("chalicelib", "infra"):
            raise
        exit_with(
            f"The local cloud needs the package {error.name}. Install what it needs: "
            "pip install --requirement requirements-local.txt --constraint constraints.txt"
        )
    cloud.start(app, host, port)


def _check_account(stage: str) -> None:
    """Exit with 1 if the environment lacks what a stage outside of the local cloud needs."""
    from chalicelib import aws, secret_keys

    missing = []
    if not aws.session().region_name:
        missing.append("a region: set AWS_DEFAULT_REGION")
    if aws.session().get_credentials() is None:
        missing.append("credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    try:
        secret_keys.read_secret_keys()
    except ValueError:
        missing.append("the key that seals stored secrets: set FLUXDEN_SECRET_KEY")
    if missing:
        exit_with(
            f"The stage {stage} uses the tables and queues of an AWS account, and these settings are missing:\n"
            + "".join(f"  {each}\n" for each in missing)
            + "To start a desk without an account, run: chalice local"
        )


def _stop(*_: object) -> None:
    if _stopping:
        # The process ends already. After another signal, it does not reload.
        reloading.cancel()
        return
    _stopping.append(True)
    if not reloading.is_reloading():
        print("\nStopped.", flush=True)
    sys.exit(0)
