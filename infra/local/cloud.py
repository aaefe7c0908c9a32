"""The local cloud: the whole system in one process, for the stages of `chalice local` that need no AWS account."""

import atexit
import json
import os
import textwrap
from pathlib import Path
from typing import Any

from chalice.app import Chalice

from chalicelib.live.domain.sockets import HEARTBEAT_SECONDS
from chalicelib.settings import settings
from chalicelib.vault import new_key
from infra import catalog, demo
from infra.commands.federation import list_warnings
from infra.local import data_folder, engine, engines, gateway, pump, reloading, scheduler, sockets
from infra.local.heartbeats import send_heartbeat
from infra.local.identity_provider import LocalIdentityProvider, NotStarted
from infra.local.mailbox import Mailbox
from infra.local.server import PORTS, exit_with, read_number, report_busy_port
from infra.local.socket_link import Limits
from infra.queues import create_queues
from infra.tables import create_tables

HOST = engine.HOST
EMBEDDED, EXTERNAL = "embedded", "dynamodb-local"
SECONDS = range(1, 10**9)
# Addresses that stand for every address of the machine. Clients on it use HOST.
_ANY = {"0.0.0.0", "::"}


def start(app: Chalice, host: str = HOST, port: int = 8000) -> None:
    """Start the engine, workers, schedules and WebSockets of `app`, whose HTTP server listens at `host` and `port`.

    Reads `WS_PORT` (8001), `WS_IDLE_SECONDS` (600), `WS_LIFETIME_SECONDS` (7200), `WS_HEARTBEAT_SECONDS` (30),
    `DEMO_FILE`, `ENGINE` (embedded or dynamodb-local) and `DATA_DIR` (.chalice/local/data). Exits if a port is taken.
    """
    folder = _data_folder()
    ws_port = read_number("WS_PORT", 8001, PORTS)
    limits = Limits(
        idle_seconds=read_number("WS_IDLE_SECONDS", 600, SECONDS),
        lifetime_seconds=read_number("WS_LIFETIME_SECONDS", 7200, SECONDS),
        heartbeat_seconds=read_number("WS_HEARTBEAT_SECONDS", HEARTBEAT_SECONDS, SECONDS),
    )
    with report_busy_port("WS_PORT", ws_port):
        listener = reloading.listen("sockets", host, ws_port)
    named = HOST if host in _ANY else host
    base_url, ws_url = f"http://{named}:{port}", f"ws://{named}:{ws_port}"
    os.environ.setdefault("FLUXDEN_BASE_URL", base_url)
    os.environ.setdefault("FLUXDEN_SOCKET_URL", ws_url)
    # The gateway sends heartbeats, so no schedule does.
    os.environ["FLUXDEN_SOCKET_HEARTBEATS"] = "0"
    _start_engine(folder)
    create_tables()
    create_queues()
    addresses = demo.Addresses(
        base_url=base_url,
        ws_url=ws_url,
        admin_env=engine.environment(reloading.listen("engine", HOST, 0))
        | {name: os.environ[name] for name in ("FLUXDEN_SECRET_KEY", "FLUXDEN_BASE_URL")},
    )
    if folder:
        made = data_folder.restore_organisation(folder, addresses)
        pumps = pump.start(catalog.consumers(app))
    else:
        made = demo.create(addresses, demo.derive_secrets(reloading.session.seed))
        pumps = pump.start(catalog.consumers(app), watch=engine)
    mailbox = Mailbox(reloading.listen("mail", HOST, 0))
    mailbox.register()
    gateway.Gateway.mailbox = mailbox
    schedules = scheduler.start(catalog.schedules(app))
    for stop in (*(each.stop for each in schedules), *(each.stop for each in pumps), mailbox.stop):
        atexit.register(stop)
    if os.environ.get("SSO") == "demo":
        _start_identity_provider(addresses)
    sockets.start(dict(catalog.sockets(app)), listener, limits, send_heartbeat)
    for warning in list_warnings():
        print(warning, flush=True)
    print(render_reloaded(made, folder) if reloading.session.changed else render_welcome(made, folder), flush=True)


def _start_identity_provider(addresses: demo.Addresses) -> None:
    # It is on this machine, where the desk calls nobody unless it is told to.
    os.environ["ALLOW_LOOPBACK"] = "1"
    settings.cache_clear()
    try:
        provider = LocalIdentityProvider(read_number("SSO_PORT", 8004, PORTS), addresses.base_url)
    except NotStarted as missing:
        exit_with(str(missing))
    atexit.register(provider.stop)
    provider.register()
    print(f"Sign in with 'Demo account': as alice, bob or anybody, with any password ({provider.issuer}).", flush=True)


def _data_folder() -> Path | None:
    """Return the data folder; None if the data is in memory."""
    chosen = os.environ.get("ENGINE") or EMBEDDED
    if chosen not in (EMBEDDED, EXTERNAL):
        exit_with(f"ENGINE is {chosen!r}. Set it to {EMBEDDED} or {EXTERNAL}.")
    return None if chosen == EMBEDDED else Path(os.environ.get("DATA_DIR") or ".chalice/local/data").resolve()


def _start_engine(folder: Path | None) -> None:
    if folder is None:
        # The data is in memory, so the key only needs to last as long as this process.
        os.environ.setdefault("FLUXDEN_SECRET_KEY", new_key())
        engine.embed()
        return
    try:
        engine.attach(data_folder.start_engines(folder))
    except engines.EnginesUnavailable as missing:
        exit_with(str(missing))


def render_welcome(made: dict[str, Any], folder: Path | None) -> str:
    """Return the text that is printed when the system is ready."""
    base = made["base_url"]
    ending = f"your data stays in {folder}" if folder else "all data is in memory and will be lost"
    reloads = (
        f"\n          Reload              when a source file changes; {_what_stays(folder)}"
        if reloading.is_worker()
        else ""
    )
    return textwrap.dedent(f"""
        Fluxden is running at {base}

          Console (as Alice)  {made["console_url"]}
          API v1 docs         {base}/api/v1/docs
          API v2 docs         {base}/api/v2/docs
          WebSocket           {made["ws_url"]}
          MCP                 {made["mcp_url"]}
          Mail that it sent   {base}{gateway.MAILBOX_PATH}
          Demo tokens         {demo.demo_file()}
          Stop                Ctrl-C; {ending}{reloads}

        Publish an event to Alice:

        curl -i {base}/api/v1/events \\
          -H 'Authorization: Bearer {made["personal_tokens"]["alice"]}' \\
          -H 'Content-Type: application/json' \\
          -d '{{"spec_version": "2", "event_id": "hello-'$(date +%s)'", "event_type": "fd1.repo.access_granted",
               "severity": "info", "title": "You can now push to widget-pro",
               "occurred_at": "'$(date -u +%Y-%m-%dT%H:%M:%SZ)'"}}'

        Read her inbox:

        curl {base}/api/v1/inbox -H 'Authorization: Bearer {made["api_keys"]["alice"]}'

        Connect an agent over MCP with this client configuration:

        {json.dumps(client_configuration(made))}
        """)


def render_reloaded(made: dict[str, Any], folder: Path | None) -> str:
    """Return the text that is printed after a reload."""
    return f"Fluxden is running again at {made['base_url']}: {_what_stays(folder)}."


def _what_stays(folder: Path | None) -> str:
    if folder:
        return "ports, demo tokens and data stay"
    return "ports and demo tokens stay, the data in memory is lost"


def client_configuration(made: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration for MCP clients, with Alice's key."""
    headers = {"Authorization": f"Bearer {made['api_keys']['alice']}"}
    return {"mcpServers": {"fluxden": {"type": "http", "url": made["mcp_url"], "headers": headers}}}
