"""Whatever an operation changes that the audit log has to tell is in it, once, and stays as it was written."""

import json

import pytest

from app import app
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.resources import AUDIT
from infra import catalog
from infra.admin import main
from infra.commands.audit_trail import COMMAND_KINDS, NOT_AUDITED, list_commands
from tests.conftest import Desk
from tests.laws.test_glossary import texts
from tests.support.api import ROUTES, Api
from tests.support.audit_entries import list_named
from tests.support.sample_data import SampleData
from tests.support.sample_requests import sample_request
from tests.support.template import functions
from tests.support.worker_scenarios import scan_rows

CHANGING = sorted(route.__name__ for route in ROUTES.values() if route.method != "GET" or route.audits)
# The names of details that the console has words for; a law holds both languages to the same ones.
_PREFIX = "audit.detail."
DETAIL_WORDS = {key.removeprefix(_PREFIX) for key in texts("en") if key.startswith(_PREFIX)}
# One request can concern several.
OF_SEVERAL = {"claim_tokens", "end_sessions", "end_employee_sessions", "import_employees", "run_scim_bulk"}
# They record only what they refuse, or accept at once.
OF_SOME_OUTCOMES = {"add_queue_item", "receive_marketplace_event", "request_connection"}
# Kinds that no operation and no command declares.
WRITTEN_ELSEWHERE = {AuditKind.REFUSALS_LEAVE_OUT}
# Kinds that only entries of earlier versions have.
NO_LONGER_WRITTEN = {AuditKind.TICKET_CREATE}

pytestmark = pytest.mark.engine("embedded")


def test_every_change_by_operators_is_declared_as_audited() -> None:
    assert [
        each.__name__ for each in catalog.routes(app) if each.operator_only and each.method != "GET" and not each.audits
    ] == []


@pytest.mark.usefixtures("sockets")
@pytest.mark.parametrize("name", CHANGING)
def test_an_operation_writes_the_entry_that_it_declares_and_no_other(api: Api, desk: Desk, name: str) -> None:
    route, request = sample_request(name, SampleData(api, desk))
    before = {row["sk"] for row in scan_rows(AUDIT)}
    reply = request.send(api, route)
    assert reply.status == route.status, reply.text
    written = [row for row in scan_rows(AUDIT) if row["sk"] not in before]
    assert {row["kind"] for row in written} <= set(map(str, route.audits))
    if name not in OF_SOME_OUTCOMES:
        assert len(written) == bool(route.audits) or (name in OF_SEVERAL and written), written
    for row in written:
        assert not request.credential or request.credential not in json.dumps(row, default=str)
        assert row["requestId"] == reply.headers["x-request-id"]
        assert row["address"]
        assert row["expiresAt"]
        assert set(row.get("details", {})) <= DETAIL_WORDS, "update infra/web/src/lib/words-audit-*.ts"
    assert list_named(desk.demo) == []


def test_no_role_of_a_function_can_change_or_delete_an_entry() -> None:
    actions = {
        action
        for function in functions().values()
        for action, resource in function.allowed
        if action.startswith("dynamodb:") and f"-{AUDIT.name}" in str(resource)
    }
    assert actions == {"dynamodb:PutItem", "dynamodb:Query"}


def test_every_kind_is_written_by_something() -> None:
    by_operations = {kind for route in ROUTES.values() for kind in route.audits}
    written = by_operations | set(COMMAND_KINDS.values()) | WRITTEN_ELSEWHERE
    assert {each for each in AuditKind if each not in written} == NO_LONGER_WRITTEN


def test_every_admin_command_is_audited_or_said_not_to_change_anything() -> None:
    assert sorted(path for path, _ in list_commands(main)) == sorted([*COMMAND_KINDS, *NOT_AUDITED])
