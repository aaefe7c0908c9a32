"""List employees, and show what gives one of them access."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chalicelib.core.domain.cursors import foreign_cursor, from_cursor, to_cursor
from chalicelib.core.domain.errors import NotFound
from chalicelib.core.domain.fields import is_uuid
from chalicelib.core.ports import Gather
from chalicelib.operate.domain.employee_files import write_employee_file
from chalicelib.operate.domain.employee_import import ExportOut, ExportQuery
from chalicelib.operate.domain.employees import EmployeeDetailsOut, EmployeeQuery, EmployeesOut, MembershipOut
from chalicelib.operate.domain.people import person_fields, to_person_response
from chalicelib.people.domain.directory import EmployeePage, Person
from chalicelib.people.domain.projects import ProjectMembership
from chalicelib.tokens.domain import integrations as personal_tokens
from chalicelib.tokens.domain import keys as api_keys
from chalicelib.tokens.domain.integrations import Integration
from chalicelib.tokens.domain.keys import Key
from chalicelib.tokens.domain.me import StoredPerson
from chalicelib.tokens.domain.passkeys import Passkey
from chalicelib.tokens.domain.sessions import SessionState
from chalicelib.tokens.services import sessions as session_services

# How many employees one call looks through, and how many it reads at a time.
_LOOKED_THROUGH, _AT_A_TIME = 1000, 200


class EmployeeList(Protocol):
    def list_after(self, email: str | None, *, most: int) -> EmployeePage: ...


class StoredPeople(Protocol):
    def find_stored_person(self, user_id: str) -> StoredPerson | None: ...


class EmployeeProjects(Protocol):
    def list_slugs(self, user_id: str | None) -> Sequence[str]: ...
    def find_project_memberships(self, slugs: Sequence[str], user_id: str) -> Sequence[ProjectMembership]: ...


class Groups(Protocol):
    def list_of(self, user_id: str) -> list[str]: ...


class EmployeeKeys(Protocol):
    def list_keys(self, user_id: str) -> list[Key]: ...


class PersonalTokens(Protocol):
    def list_of(self, user_id: str) -> list[Integration]: ...


class EmployeeSessions(Protocol):
    def list_of(self, user_id: str, *, now: datetime) -> list[SessionState]: ...


class EmployeePasskeys(Protocol):
    def list_of(self, user_id: str) -> list[Passkey]: ...


class EmployeeConnections(Protocol):
    def count_active(self, user_id: str) -> int: ...


def list_employees(query: EmployeeQuery, *, employees: EmployeeList) -> EmployeesOut:
    """List a page of employees by address. Store calls after authentication: 2 for each 200 of the first 1,000.

    Where few match, the page ends before it is full, and its cursor continues.

    Raises:
        Invalid: the cursor is none of this list's.
    """
    bound = ("employees", query.search, query.only)
    last = _to_address(from_cursor(query.cursor, 1, *bound)[0]) if query.cursor is not None else None
    found: list[Person] = []
    for _ in range(_LOOKED_THROUGH // _AT_A_TIME):
        page = employees.list_after(last, most=_AT_A_TIME)
        matching = [each for each in page.people if query.matches(each)]
        room = query.limit - len(found)
        found += matching[:room]
        last = matching[room - 1].email if len(matching) > room else page.last
        if last is None or len(found) == query.limit:
            break
    cursor = to_cursor([_from_address(last)], *bound) if last is not None else None
    return EmployeesOut(items=[to_person_response(each) for each in found], next_cursor=cursor)


def export_employees(query: ExportQuery, *, employees: EmployeeList) -> ExportOut:
    """Write the employees after the cursor as a part of a file. Store calls after authentication: 2 for each 200.

    Raises:
        Invalid: the cursor is none of this list's.
    """
    bound = ("export",)
    last = _to_address(from_cursor(query.cursor, 1, *bound)[0]) if query.cursor is not None else None
    people: list[Person] = []
    for read in range(0, query.limit, _AT_A_TIME):
        page = employees.list_after(last, most=min(_AT_A_TIME, query.limit - read))
        people += page.people
        if (last := page.last) is None:
            break
    written = write_employee_file(people, heading=query.cursor is None)
    return ExportOut(csv=written, next_cursor=to_cursor([_from_address(last)], *bound) if last is not None else None)


@dataclass(frozen=True)
class EmployeeReader:
    """Reads what gives an employee access."""

    people: StoredPeople
    projects: EmployeeProjects
    groups: Groups
    keys: EmployeeKeys
    personal_tokens: PersonalTokens
    sessions: EmployeeSessions
    passkeys: EmployeePasskeys
    connections: EmployeeConnections
    gather: Gather

    def read(self, user_id: str, *, session_id: str, now: datetime) -> EmployeeDetailsOut:
        """Read an employee; `session_id` is the caller's session. Store calls in sequence: 2; 1 without any access.

        Raises:
            NotFound: there is no such employee.
        """
        wanted = user_id.lower()
        if not is_uuid(user_id):
            raise NotFound("Employee not found.")
        stored, projects, groups, keys, tokens, sessions, passkeys, connections = self.gather(
            lambda: self.people.find_stored_person(wanted),
            lambda: self._list_projects(wanted),
            lambda: self.groups.list_of(wanted),
            lambda: self.keys.list_keys(wanted),
            lambda: self.personal_tokens.list_of(wanted),
            lambda: self.sessions.list_of(wanted, now=now),
            lambda: self.passkeys.list_of(wanted),
            lambda: self.connections.count_active(wanted),
        )
        if stored is None:
            raise NotFound("Employee not found.")
        shown_keys = [api_keys.to_response(each) for each in keys]
        shown_sessions = [session_services.to_response(each, session_id) for each in sessions]
        used = [each.last_used_at or "" for each in shown_keys]
        used += [each.last_used_at or each.created_at for each in shown_sessions]
        return EmployeeDetailsOut(
            **person_fields(stored.person),
            projects=projects,
            groups=groups,
            sessions=shown_sessions,
            keys=shown_keys,
            personal_tokens=[personal_tokens.to_response(each, now=now) for each in tokens],
            passkeys=len(passkeys),
            connections=connections,
            browsers=stored.browsers,
            last_seen_at=max(used, default="") or None,
        )

    def _list_projects(self, user_id: str) -> list[MembershipOut]:
        slugs = self.projects.list_slugs(user_id)
        found = self.projects.find_project_memberships(slugs, user_id) if slugs else ()
        return [MembershipOut(slug=each.slug, name=each.name, role=each.role) for each in found if each.role]


def _from_address(email: str) -> str:
    return base64.urlsafe_b64encode(email.encode()).decode()


def _to_address(position: str) -> str:
    try:
        return base64.b64decode(position, altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise foreign_cursor() from error
