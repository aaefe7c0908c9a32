"""Admin: import employees from a file, and export them to one."""

from contextlib import AbstractContextManager
from uuid import uuid4

from chalice.app import Blueprint

from chalicelib.api.audit import audited
from chalicelib.api.v2.contract import OPERATE, operate
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.operate.domain.employee_files import LARGEST_FILE
from chalicelib.operate.domain.employee_import import ExportOut, ExportQuery, ImportIn, ImportOut
from chalicelib.operate.services.employee_import import EmployeeImport
from chalicelib.operate.services.employee_list import export_employees as export
from chalicelib.parallel import gather
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import DIRECTORY

bp = Blueprint(__name__)

_EMPLOYEES = "/api/v2/operate/employees"


@operate(
    bp,
    "POST",
    f"{_EMPLOYEES}/import",
    envelope="ImportAnswer",
    answers={200: "What was done with each row."},
    refusals=(TooLarge,),
    # JSON escapes line ends and quotes, and a letter has up to four bytes.
    largest_body=4 * LARGEST_FILE,
    grants=OPERATE + DIRECTORY.can("Query", "PutItem", "UpdateItem", "ConditionCheckItem"),
    audits=(AuditKind.PERSON_CREATE, AuditKind.PERSON_UPDATE, AuditKind.OPERATOR_CHANGE),
)
def import_employees(body: ImportIn, caller: ApiKey, context: RequestContext) -> ImportOut:
    """Register the employees of a file of comma-separated values, and change those who exist; with `dryRun` only look.

    A file has at most 1,000 rows and 1 MB. Rows with an error are reported with their line, and the others are
    imported. An empty name or operator leaves an employee as they are; nobody leaves a project, and nobody is activated
    or deactivated. Importing a file again changes only what was left over.
    """

    def recorded(kind: AuditKind) -> AbstractContextManager[object]:
        return audited(kind, caller, context, each=True, imported=True)

    files = EmployeeImport(DynamoDirectory(), DynamoDirectory(), lambda: str(uuid4()), gather, recorded)
    return files.run(body.csv, dry_run=body.dry_run, operator_id=caller.user_id)


@operate(
    bp,
    "GET",
    f"{_EMPLOYEES}/export",
    envelope="ExportAnswer",
    answers={200: "A part of the file."},
    grants=OPERATE + DIRECTORY.can("Query"),
)
def export_employees(query: ExportQuery, caller: ApiKey) -> ExportOut:  # noqa: ARG001 - admits
    """Export employees as comma-separated values, 1,000 at a time.

    Cells that a spreadsheet would calculate begin with an apostrophe, which an import takes off.
    """
    return export(query, employees=DynamoDirectory())
