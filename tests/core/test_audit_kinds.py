"""The kinds of audit entries, as `<subject>.<what was done>`."""

import re

from chalicelib.core.domain.audit_kinds import OF_A_PERSON, AuditKind


def test_a_kind_is_a_subject_and_what_was_done() -> None:
    assert [each for each in AuditKind if not re.fullmatch(r"[a-z][A-Za-z]+\.[a-z][A-Za-z]+", each)] == []


def test_the_kinds_of_a_persons_own_log_concern_their_access() -> None:
    assert {AuditKind.SESSION_BEGIN, AuditKind.KEY_CREATE, AuditKind.PERSONAL_TOKEN_CLAIM} <= OF_A_PERSON
    assert not {AuditKind.INTEGRATOR_CREATE, AuditKind.ORIGIN_BLOCK} & OF_A_PERSON
