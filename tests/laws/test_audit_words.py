"""The console has words, in both languages, for whatever the audit log can record."""

import re

import pytest

from chalicelib.core.domain.audit import ActorKind, Credential
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.tokens.domain.identity_providers import SignInError
from tests.laws.test_glossary import texts

DICTIONARIES = {"en": texts("en"), "zh": texts("zh")}
SUBJECTS = {each.split(".")[0] for each in AuditKind}


def words(language: str, group: str) -> dict[str, str]:
    prefix = f"audit.{group}."
    return {key.removeprefix(prefix): text for key, text in DICTIONARIES[language].items() if key.startswith(prefix)}


@pytest.mark.parametrize("language", DICTIONARIES)
def test_every_kind_of_entry_has_words_of_its_own(language: str) -> None:
    found = words(language, "kind")
    assert set(found) == set(AuditKind), "update infra/web/src/lib/words-audit-*.ts"
    assert len(set(found.values())) == len(found)


@pytest.mark.parametrize("language", DICTIONARIES)
def test_every_subject_actor_credential_and_reason_has_words(language: str) -> None:
    assert set(words(language, "subject")) >= SUBJECTS
    assert set(words(language, "actor")) == set(ActorKind)
    assert set(words(language, "credential")) == set(Credential)
    assert set(words(language, "value")) >= set(SignInError)


def test_english_words_of_a_kind_follow_a_name() -> None:
    """As in `Alice created an API key`."""
    assert [text for text in words("en", "kind").values() if not re.fullmatch(r"[a-z][^.|{}]+", text)] == []
