"""Import employees from a file, after a look at what that would do."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.errors import Refusal
from chalicelib.core.ports import Action, Gather
from chalicelib.operate.domain.employee_files import EmployeeFile, FileRow, read_employee_file
from chalicelib.operate.domain.employee_import import ImportedRowOut, ImportOut, ImportOutcome
from chalicelib.people.domain.directory import Person
from chalicelib.people.services.ports import Employees


class ImportedPeople(Employees, Protocol):
    def add_people(self, people: Sequence[tuple[Person, Sequence[Action]]]) -> list[bool]: ...


class ImportedMembers(Protocol):
    def find_team_ids(self, slugs: Iterable[str]) -> Mapping[str, str]: ...
    def find_members(self, pairs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]: ...
    def member_actions(self, team_ids: Mapping[str, str], user_id: str) -> list[Action]: ...


@dataclass(frozen=True)
class Step:
    """What is to be done with a row: nothing, register `person`, or make them what the row says."""

    row: FileRow
    outcome: ImportOutcome
    person: Person | None = None
    changes: tuple[str, ...] = ()
    joins: Sequence[Action] = ()
    reason: str | None = None


@dataclass(frozen=True)
class EmployeeImport:
    """Registers and changes the employees of a file. Importing it again does only what was left over."""

    people: ImportedPeople
    projects: ImportedMembers
    new_id: Callable[[], str]
    gather: Gather
    # Records each change of the block in the audit log.
    recorded: Callable[[AuditKind], AbstractContextManager[object]]

    def run(self, text: str, *, dry_run: bool, operator_id: str | None) -> ImportOut:
        """Import a file, or report what that would do. `operator_id` is who asks for it; None is the command line.

        Store calls after authentication: 2 to look, 1 for some twenty new employees, and 2 for each that changes, of
        which 16 are made at the same time.

        Raises:
            Invalid: the file can't be read, or has too many rows.
        """
        file = read_employee_file(text)
        steps = self._plan(file, operator_id)
        if not dry_run:
            steps = self._carry_out(steps, operator_id)
        return _to_report(steps, file, dry_run=dry_run)

    def _plan(self, file: EmployeeFile, operator_id: str | None) -> list[Step]:
        good = [each for each in file.rows if each.error is None]
        user_ids, team_ids = self.gather(
            lambda: self.people.find_user_ids(each.email for each in good),
            lambda: self.projects.find_team_ids({slug for each in good for slug in each.projects}),
        )
        pairs = [(slug, user_ids[row.email]) for row in good if row.email in user_ids for slug in row.projects]
        known, members = self.gather(
            lambda: self.people.find_people(user_ids.values()), lambda: self.projects.find_members(pairs)
        )
        by_email = {person.email: person for person in known.values()}
        return [self._plan_row(row, by_email.get(row.email), team_ids, members, operator_id) for row in file.rows]

    def _plan_row(
        self,
        row: FileRow,
        person: Person | None,
        team_ids: Mapping[str, str],
        members: set[tuple[str, str]],
        operator_id: str | None,
    ) -> Step:
        if reason := row.error or _find_obstacle(row, person, team_ids, operator_id):
            return Step(row, ImportOutcome.ERROR, reason=reason)
        if person is None:
            new = Person(self.new_id(), row.email, str(row.name), operator=bool(row.operator))
            teams = {slug: team_ids[slug] for slug in row.projects}
            return Step(row, ImportOutcome.CREATED, new, joins=self.projects.member_actions(teams, new.user_id))
        wanted = replace(
            person,
            name=row.name or person.name,
            operator=person.operator if row.operator is None else row.operator,
        )
        teams = {slug: team_ids[slug] for slug in row.projects if (slug, person.user_id) not in members}
        changed = {
            "name": wanted.name != person.name,
            "operator": wanted.operator != person.operator,
            "projects": bool(teams),
        }
        changes = tuple(name for name, is_changed in changed.items() if is_changed)
        if not changes:
            return Step(row, ImportOutcome.EXISTS, person)
        joins = self.projects.member_actions(teams, person.user_id)
        return Step(row, ImportOutcome.UPDATED, wanted, changes, joins)

    def _carry_out(self, steps: Sequence[Step], operator_id: str | None) -> list[Step]:
        new = [(step.person, step.joins) for step in steps if step.person and step.outcome is ImportOutcome.CREATED]
        with self.recorded(AuditKind.PERSON_CREATE):
            stored = iter(self.people.add_people(new))
        changing = [step for step in steps if step.outcome is ImportOutcome.UPDATED]
        changed = iter(self.gather(*(partial(self._change, each, operator_id) for each in changing)))
        done: list[Step] = []
        for step in steps:
            match step.outcome:
                case ImportOutcome.CREATED if not next(stored):
                    reason = "This address was registered meanwhile. Import the file again."
                    done.append(Step(step.row, ImportOutcome.ERROR, reason=reason))
                case ImportOutcome.UPDATED:
                    done.append(next(changed))
                case _:
                    done.append(step)
        return done

    def _change(self, step: Step, operator_id: str | None) -> Step:
        person = step.person
        assert person is not None
        kind = AuditKind.OPERATOR_CHANGE if "operator" in step.changes else AuditKind.PERSON_UPDATE
        try:
            with self.recorded(kind):
                self.people.change_person(
                    person.user_id,
                    name=person.name if "name" in step.changes else None,
                    operator=person.operator if "operator" in step.changes else None,
                    along=step.joins,
                    while_operator=operator_id or person.user_id,
                )
        except Refusal as refused:
            return Step(step.row, ImportOutcome.ERROR, reason=str(refused))
        return step


def _find_obstacle(
    row: FileRow, person: Person | None, team_ids: Mapping[str, str], operator_id: str | None
) -> str | None:
    for slug in row.projects:
        if slug not in team_ids:
            return f"projects: There is no project {slug}."
    if person is None:
        return None if row.name else "name: A new employee needs a name."
    if not person.active:
        return "This employee is deactivated. Activate them first."
    if person.user_id == operator_id and row.operator is False:
        return "operator: You can't withdraw your own operator rights by an import."
    return None


def _to_report(steps: Sequence[Step], file: EmployeeFile, *, dry_run: bool) -> ImportOut:
    outcomes = [each.outcome for each in steps]
    return ImportOut(
        dry_run=dry_run,
        created=outcomes.count(ImportOutcome.CREATED),
        updated=outcomes.count(ImportOutcome.UPDATED),
        exists=outcomes.count(ImportOutcome.EXISTS),
        errors=outcomes.count(ImportOutcome.ERROR),
        ignored_columns=list(file.ignored_columns),
        rows=[
            ImportedRowOut(
                line=each.row.line,
                email=each.row.email,
                name=each.row.name,
                outcome=each.outcome,
                changes=list(each.changes),
                reason=each.reason,
            )
            for each in steps
        ],
    )
