"""Employees as a company's directory provisions them."""

import hashlib
from dataclasses import asdict, dataclass, field, replace
from typing import Self

from pydantic import TypeAdapter, ValidationError

from chalicelib.core.domain.fields import Email, to_one_line
from chalicelib.people.domain.directory import Person
from chalicelib.provisioning.domain.changes import Unacceptable

_LONGEST_NAME = 100
# What a directory may send for one person, beside the texts' own limits.
_MOST_ADDRESSES = 20
_LONGEST_TEXT = 1000
_EMAIL: TypeAdapter[str] = TypeAdapter(Email, config={"defer_build": True, "hide_input_in_errors": True})


@dataclass(frozen=True)
class MailAddress:
    """One of the addresses that a directory has of a person."""

    value: str | None = None
    type: str | None = None
    primary: bool | None = None


@dataclass(frozen=True)
class Details:
    """What a directory sends of a person beside what the desk uses itself; kept as it was sent.

    With `active_unsaid` the directory has removed whether the person is active, which stands for active. `deleted` says
    that the directory deleted the person, who stays as an inactive employee. `revision` counts changes.
    """

    external_id: str | None = None
    formatted: str | None = None
    family_name: str | None = None
    given_name: str | None = None
    display_name: str | None = None
    emails: tuple[MailAddress, ...] = ()
    created_at: str = ""
    changed_at: str = ""
    active_unsaid: bool = False
    deleted: bool = False
    revision: int = 0


@dataclass(frozen=True)
class User:
    """An employee as the directory sees them. `user_name` is the address by which the desk knows the person."""

    user_id: str
    user_name: str
    active: bool = True
    details: Details = field(default_factory=Details)

    @classmethod
    def of(cls, person: Person, details: Details | None) -> Self:
        """Return the employee; one that no directory has sent yet has what the desk knows."""
        if details is None:
            address = MailAddress(person.email, "work", primary=True)
            details = Details(formatted=person.name, display_name=person.name, emails=(address,))
        return cls(person.user_id, person.email, person.active, details)

    @property
    def shown_name(self) -> str:
        """The name that other people see."""
        parts = f"{self.details.given_name or ''} {self.details.family_name or ''}"
        texts = (self.details.display_name, self.details.formatted, parts, self.user_name)
        return next(line[:_LONGEST_NAME] for text in texts if (line := to_one_line(text or "")))

    @property
    def version(self) -> str:
        """A text that changes whenever the user changes."""
        seen = repr((self.user_id, self.user_name, self.active, sorted(asdict(self.details).items())))
        return hashlib.sha256(seen.encode()).hexdigest()[:24]

    def checked(self) -> Self:
        """Return the user with the address in lower case.

        Raises:
            Unacceptable: the user name is no address, or something is too long.
        """
        try:
            address = _EMAIL.validate_python(self.user_name).lower()
        except ValidationError:
            raise Unacceptable("userName must be the person's email address, of 120 characters at most.") from None
        details = self.details
        if len(details.emails) > _MOST_ADDRESSES:
            raise Unacceptable(f"A person has at most {_MOST_ADDRESSES} emails.")
        texts = [details.external_id, details.formatted, details.family_name, details.given_name, details.display_name]
        texts += [text for each in details.emails for text in (each.value, each.type)]
        if any(len(text or "") > _LONGEST_TEXT for text in texts):
            raise Unacceptable(f"A text has at most {_LONGEST_TEXT} characters.")
        return replace(self, user_name=address)
