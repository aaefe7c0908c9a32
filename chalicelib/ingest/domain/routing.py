"""Routing rules: whom an event is for, by what it says. The last rule that matches wins, as in a CODEOWNERS file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_core import to_json

from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.fields import is_uuid
from chalicelib.inbox.domain.bulk import EmailRecipient, GroupRecipient, UserRecipient
from chalicelib.ingest.domain.incoming import Draft

if TYPE_CHECKING:
    from chalicelib.tokens.domain.ingest_tokens import IngestRule

Recipients = tuple[EmailRecipient | UserRecipient | GroupRecipient, ...]

# All rules of a token are read and written with each use of it, so they stay small.
LONGEST_RULES = 8000
MOST_NAMED = 50
_LABEL = "labels."
_FIELDS: dict[str, Callable[[Draft], str]] = {
    "title": lambda draft: draft.title,
    "event_id": lambda draft: draft.event_id,
    "type": lambda draft: draft.kind,
    "severity": lambda draft: draft.severity.value,
    "summary": lambda draft: draft.summary,
}


@dataclass(frozen=True)
class Rule:
    """Whom those events are for that fit all patterns of `when`, by field or label. Without patterns, every event."""

    when: Mapping[str, str]
    to: Recipients

    def is_matched_by(self, draft: Draft) -> bool:
        return all(fits_pattern(pattern, text_of(draft, name)) for name, pattern in self.when.items())


@dataclass(frozen=True)
class Routing:
    """Whom an event is for, and why: the rules that match, from 1, of which the last decides; none for `to`."""

    recipients: Recipients
    matched: tuple[int, ...] = ()


def route(draft: Draft, rules: Sequence[Rule], otherwise: Recipients) -> Routing:
    """Return whom the draft is for: those of the last rule that matches, and `otherwise` if none does."""
    matched = tuple(number for number, rule in enumerate(rules, 1) if rule.is_matched_by(draft))
    return Routing(rules[matched[-1] - 1].to if matched else otherwise, matched)


def named_by(rules: Sequence[Rule]) -> Recipients:
    """Return everybody whom the rules name, each once, in their order."""
    return tuple(dict.fromkeys(each for rule in rules for each in rule.to))


def text_of(draft: Draft, name: str) -> str | None:
    """Return what a rule compares under this name; None if the draft has no such label."""
    if name.startswith(_LABEL):
        return draft.labels.get(name.removeprefix(_LABEL))
    return _FIELDS[name](draft)


def fits_pattern(pattern: str, text: str | None) -> bool:
    """Whether the whole text fits, in any case of letters; `*` stands for any characters. Time: one pass for each part.

    Nothing fits if there is no text.
    """
    if text is None:
        return False
    first, *rest = pattern.casefold().split("*")
    text = text.casefold()
    if not rest:
        return text == first
    *middle, last = rest
    if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
        return False
    place, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return True


def read_rules(rules: Sequence["IngestRule"]) -> tuple[Rule, ...]:
    """Return the rules of a request or a row as they are applied.

    Raises:
        Invalid: a rule has an unknown field or a malformed recipient, or they are too many or too long.
    """
    read = tuple(Rule(dict(each.when), _read_to(each.to, number)) for number, each in enumerate(rules))
    for number, each in enumerate(read):
        if unknown := [name for name in each.when if not _is_known(name)]:
            reason = f"has no field {unknown[0][:80]}: there are {', '.join(_FIELDS)}, and labels. with a name"
            raise Invalid(f"rules.{number}.when {reason}.", {f"rules.{number}.when": [reason]})
    if len(named_by(read)) > MOST_NAMED:
        raise _refused(f"name {len(named_by(read))} recipients; at most {MOST_NAMED} are allowed")
    if len(to_json([each.model_dump() for each in rules])) > LONGEST_RULES:
        raise _refused(f"are longer than {LONGEST_RULES} bytes")
    return read


def read_recipient(text: str) -> Any:
    """Read an email address, a user id, or `group:` and the slug of a project.

    Raises:
        ValidationError: it is none of them.
    """
    if text.startswith("group:"):
        return GroupRecipient(type="group", slug=text.removeprefix("group:").strip())
    if is_uuid(text):
        return UserRecipient(type="user_id", user_id=text)
    return EmailRecipient(type="email", email=text)


def _read_to(texts: Sequence[str], number: int) -> Recipients:
    try:
        return tuple(dict.fromkeys(read_recipient(each.strip()) for each in texts))
    except ValidationError as error:
        reason = "must name email addresses, user ids, or group: and a slug"
        raise Invalid(f"rules.{number}.to {reason}.", {f"rules.{number}.to": [reason]}) from error


def _is_known(name: str) -> bool:
    return name in _FIELDS or (name.startswith(_LABEL) and name != _LABEL)


def _refused(reason: str) -> Invalid:
    return Invalid(f"rules {reason}.", {"rules": [reason]})
