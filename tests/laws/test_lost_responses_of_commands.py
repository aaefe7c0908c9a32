"""An admin command has its effect once and says so, if every response of the store is lost."""

import json
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import click
import pytest
import time_machine
from click.testing import CliRunner, Result

from infra.admin import main
from tests.conftest import Desk
from tests.support.api import Api
from tests.support.audit_entries import list_named
from tests.support.engine_state import take_snapshot
from tests.support.fault_sweep import difference
from tests.support.faults import Fault, fail_every_first_attempt, inject_faults, intercept_engine
from tests.support.instances import add_member, register_instance, run_admin
from tests.support.sample_data import SampleData
from tests.support.stored_rows import normalize_row, read_rows

Arrange = Callable[[SampleData], str]
_RANDOM = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9a-f]{32}\b"
    r"|[\w+/=.-]{40,}|\w+_[\w-]{20,}|\d{4}-\d\d-\d\d[T ][\d:.]+Z?"
)


@dataclass(frozen=True)
class Sample:
    """A command line; what `arrange` returns stands where `{}` does. Lines of `before` make what it needs."""

    line: str
    before: tuple[str, ...] = ()
    arrange: Arrange | None = field(default=None, repr=False)


def _by_list(*command: str) -> Arrange:
    """Return what finds the id in the first row of a list."""

    def find(_: SampleData) -> str:
        found = re.search(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", run_admin(*command))
        assert found, command
        return found[0]

    return find


def _instance(data: SampleData) -> str:
    return register_instance(data.api).instance_id


def _member(data: SampleData) -> str:
    return add_member(data.api).instance_id


_KEY = _by_list("keys", "list")
_TOOLS = _by_list("tools-tokens", "list")
_PERSONAL = _by_list("personal-tokens", "list")


def _ingest_token(data: SampleData) -> str:
    """Return the id of Bob's personal token, and that of an ingest token which publishes with it."""
    listed = json.loads(run_admin("personal-tokens", "list", "--owner", "bob@example.com", "--json"))
    publisher = next(each["tokenId"] for each in listed if each["integrator"] == "fd1")
    return f"{publisher} {data.add_ingest_token()['tokenId']}"


def _routed_token(data: SampleData) -> str:
    """Return the id of an admin tools token, that of an ingest token which publishes with it, and a file of rules."""
    listed = json.loads(run_admin("tools-tokens", "list", "--json"))
    publisher = next(each["tokenId"] for each in listed if each["integrator"] == "fd1" and each["admin"])
    return f"{publisher} {data.add_routed_token()['tokenId']} tests/data/ingest_rules.json"


_AGENT = "agents add chronicler --name Chronicler --description Writes."
_ITEM = "catalog create farm --name Farm"
_PAUSE = "callbacks pause fd1 https://ci.example.com"
_INBOUND = "federation set --inbound on --mode open"

SAMPLES = (
    Sample(_AGENT),
    Sample("agents remove chronicler", (_AGENT,)),
    Sample("approvals grant farm dave@example.com", (_ITEM,)),
    Sample("approvals revoke farm dave@example.com", (_ITEM, "approvals grant farm dave@example.com")),
    Sample(_PAUSE),
    Sample("callbacks resume fd1 https://ci.example.com", (_PAUSE,)),
    Sample("callbacks replay fd1 https://ci.example.com"),
    Sample(_ITEM),
    Sample("catalog link farm --integrator fd1", (_ITEM,)),
    Sample("catalog archive farm", (_ITEM,)),
    Sample("contacts reindex"),
    Sample("deliveries index --since 2026-10-01"),
    Sample("employees create frank@example.com --name Frank"),
    Sample("employees deactivate bob@example.com"),
    Sample("employees activate bob@example.com", ("employees deactivate bob@example.com",)),
    Sample("employees operator dave@example.com --on"),
    Sample("employees sign-in-link bob@example.com"),
    Sample("event-types recount"),
    Sample("federation set --inbound on --mode open"),
    Sample("federation rotate-key"),
    Sample("federation block https://desk.example"),
    Sample("federation unblock https://desk.example", ("federation block https://desk.example",)),
    Sample("instances approve {} --without-challenge", (_INBOUND,), _instance),
    Sample("instances suspend {}", (_INBOUND,), _member),
    Sample("instances remove {}", (_INBOUND,), _instance),
    Sample("integrators create farm --name Farm"),
    Sample("integrators set fd1 --relaxed-event-types off"),
    Sample("integrators archive fd1"),
    Sample("keys create --owner bob@example.com --name laptop --permissions inbox"),
    Sample("keys disable {}", arrange=_KEY),
    Sample("keys enable {}", arrange=_KEY),
    Sample("keys delete {}", arrange=_KEY),
    Sample("ingest-tokens create {} --adapter ntfy --name cron", arrange=_PERSONAL),
    Sample("ingest-tokens end {}", arrange=_ingest_token),
    Sample("ingest-tokens route {}", arrange=_routed_token),
    Sample("mail ses --from desk@example.com"),
    Sample("mail smtp --host mail.example.com --from desk@example.com"),
    Sample("mail off", ("mail ses --from desk@example.com",)),
    Sample("personal-tokens disable {}", arrange=_PERSONAL),
    Sample("personal-tokens enable {}", arrange=_PERSONAL),
    Sample("projects create zeus --name Zeus --admin alice@example.com"),
    Sample("projects add-member apollo dave@example.com"),
    Sample("projects remove-member apollo bob@example.com"),
    Sample("retention apply --kind deliveries --yes"),
    Sample("tools-tokens create --integrator fd1 --owner alice@example.com"),
    Sample("tools-tokens rotate {}", arrange=_TOOLS),
    Sample("tools-tokens disable {}", arrange=_TOOLS),
    Sample("tools-tokens enable {}", arrange=_TOOLS),
    Sample("web-push keys --contact mailto:desk@example.com --replace"),
    Sample("webhook-secret rotate fd1"),
)
NOT_SAMPLED = {
    "agents approve": "the operation of the console has the same service",
    "agents reject": "the operation of the console has the same service",
    "agents suspend": "the operation of the console has the same service",
    "approvals review": "the operation of the console has the same service",
    "connections accept": "the operation of the console has the same service",
    "connections block": "the operation of the console has the same service",
    "connections decline": "the operation of the console has the same service",
    "connections remove": "a queue message may be sent twice, and is then done twice without harm",
    "dead-letters redrive": "a received message stays invisible if the response is lost, and comes again",
    "demo": "creates a desk for trying, and may be repeated",
    "mail report": "pauses an address, and may be repeated",
    "doctor": "tells what failed",
    "employees erase": "the scenarios of worker faults have it",
    "hub join": "the scenarios of worker faults have it",
    "hub leave": "the scenarios of worker faults have it",
    "mail test": "writes nothing: it sends a message, and says what the server answered",
    "relays give-up": "the operation of the console has the same service",
    "relays resend": "the operation of the console has the same service",
    "employees end-sessions": "the operation of the API has the same service",
    "employees import": "the operation of the API has the same service",
    "employees rename": "the operation of the API has the same service",
    "scim groups map": "has no sample yet",
    "scim groups unmap": "has no sample yet",
    "scim-tokens create": "has no sample yet",
    "scim-tokens revoke": "has no sample yet",
    "scim-tokens rotate": "has no sample yet",
    "sso add": "calls the identity provider; its two rows are one transaction",
    "sso remove": "its two rows are one transaction",
    "tables drop": "what is gone already counts as deleted by somebody else",
    "tables put-back": "writes whole rows, and may be repeated",
    "tables restore": "what exists already is said to exist already, and waited for",
    "reseal": "tests/operate/test_sealed.py has it",
}
READING = {
    "list",
    "show",
    "erasures",
    "export",
    "people",
    "offered",
    "status",
    "desks",
    "endpoints",
    "replay-status",
    "check",
    "compare",
    "reveal",
    "secret-key",
}


def _commands(group: click.Group, path: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _commands(command, f"{path}{name} ")
        else:
            yield f"{path}{name}"


def test_every_changing_command_has_a_sample_or_a_reason() -> None:
    changing = {each for each in _commands(main) if each.split()[-1] not in READING}
    sampled = {name for name in changing for each in SAMPLES if f"{each.line} ".startswith(f"{name} ")}
    assert sampled | NOT_SAMPLED.keys() == changing
    assert not sampled & NOT_SAMPLED.keys()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda each: " ".join(each.line.split()[:2]))
def test_a_command_has_its_effect_once_if_every_response_is_lost(api: Api, desk: Desk, sample: Sample) -> None:
    for line in sample.before:
        run_admin(*shlex.split(line))
    arranged = sample.arrange(SampleData(api, desk)) if sample.arrange else ""
    command, before, now = shlex.split(sample.line.format(arranged)), take_snapshot(), datetime.now(UTC)

    def results(call: Callable[[], Result]) -> tuple[int, str, list[str]]:
        before.restore()
        with time_machine.travel(now, tick=False):
            result = call()
        rows = sorted(normalize_row(_RANDOM.sub("<id>", row), "") for row in read_rows().values())
        return result.exit_code, _RANDOM.sub("<id>", result.output), rows

    def run() -> Result:
        return CliRunner().invoke(main, command, prog_name="admin")

    def run_without_responses() -> Result:
        with inject_faults(fail_every_first_attempt(Fault.LOST, calls=1_000)) as faults:
            result = run()
        assert len(faults.attempts) > 1
        return result

    with intercept_engine():
        once = results(run)
        assert once[0] == 0, once[1]
        status, output, rows = results(run_without_responses)
    assert (status, output) == once[:2]
    assert difference(rows, once[2]) == ([], [])
    assert list_named(desk.demo) == []
