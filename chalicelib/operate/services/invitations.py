"""Invite employees, and make links that sign them in."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.idempotency import Claim, StoredReply
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.ports import Action
from chalicelib.ids import MintedToken
from chalicelib.operate.domain.employees import InvitationIn, InvitedOut, SignInLinkOut
from chalicelib.operate.domain.people import to_person_response
from chalicelib.operate.services.tokens import sealed_reply
from chalicelib.people.domain.directory import Person
from chalicelib.people.services.ports import Employees
from chalicelib.tokens.domain.sessions import CODE_LIFETIME, to_sign_in_link


class InvitedMembers(Protocol):
    def find_team_ids(self, slugs: Sequence[str]) -> Mapping[str, str]: ...
    def member_actions(self, team_ids: Mapping[str, str], user_id: str) -> list[Action]: ...


class SignInCodes(Protocol):
    def code_action(self, code: MintedToken, user_id: str, *, now: datetime) -> Action: ...
    def add_code(
        self, code: MintedToken, user_id: str, *, now: datetime, claim: Claim | None, reply: StoredReply
    ) -> datetime | None: ...


def invite_person(
    request: InvitationIn,
    code: MintedToken,
    *,
    user_id: str,
    base_url: str,
    context: RequestContext,
    people: Employees,
    projects: InvitedMembers,
    codes: SignInCodes,
) -> InvitedOut:
    """Register an employee with a link that signs them in. Store calls: 1; one more with projects.

    With an idempotency key the reply is stored sealed, since it has the link.

    Raises:
        NotFound: a project is unknown.
        Conflict: the address is taken, or the desk does not know its own address.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    link = _new_link(code, base_url, context)
    person = Person(user_id, request.email.lower(), request.name, operator=request.operator)
    along = [codes.code_action(code, user_id, now=context.now)]
    if slugs := sorted(set(request.projects)):
        teams = projects.find_team_ids(slugs)
        for slug in slugs:
            if slug not in teams:
                raise NotFound(f"Project {slug} not found.")
        along += projects.member_actions(teams, user_id)
    invited = InvitedOut(employee=to_person_response(person), link=link.link, expires_at=link.expires_at)
    people.add_person(person, along=along, claim=context.claim, reply=sealed_reply(invited, context))
    return invited


def create_sign_in_link(
    person: Person, code: MintedToken, *, base_url: str, context: RequestContext, codes: SignInCodes
) -> SignInLinkOut:
    """Make a link that signs an employee in, once and within a day. Store calls: 1.

    With an idempotency key the reply is stored sealed.

    Raises:
        Conflict: the employee is not active, or the desk does not know its own address.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    link = _new_link(code, base_url, context)
    reply = sealed_reply(link, context)
    if codes.add_code(code, person.user_id, now=context.now, claim=context.claim, reply=reply) is None:
        raise Conflict("This employee is not active.")
    return link


def _new_link(code: MintedToken, base_url: str, context: RequestContext) -> SignInLinkOut:
    if not base_url:
        raise Conflict("This desk does not know its own address. Set FLUXDEN_BASE_URL.")
    return SignInLinkOut(link=to_sign_in_link(base_url, code.text), expires_at=timestamp(context.now + CODE_LIFETIME))
