"""The part of a person's profile that strangers may see."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.core.domain.text import has_text
from chalicelib.people.domain.directory import Visibility

EVERYBODYS_FIELDS = ("headline", "currentTitle", "currentCompany", "industry", "timezone")
LIST_FIELDS = ("skills", "taskTypes")
# Members of the network see these too, of people who are public.
MEMBERS_FIELDS = ("languages", "hobbies", "superpowers")
_CARD_FIELDS = frozenset({*EVERYBODYS_FIELDS, *LIST_FIELDS, *MEMBERS_FIELDS, "capacity", "bio"})
_SEARCHED_FIELDS = ("headline", "bio", "currentTitle", "currentCompany", "industry")


@dataclass(frozen=True)
class PersonCard:
    """A person in the directory listing; `profile` holds the fields of `card_fields`, None without a profile."""

    user_id: str
    name: str
    email: str
    visibility: Visibility
    profile: Mapping[str, Any] | None

    def has_text(self, sought: str) -> bool:
        """Say whether the name or a searched field contains the text, which is normalized."""
        profile = self.profile or {}
        return has_text(sought, self.name, *(profile.get(name) for name in _SEARCHED_FIELDS))


def card_fields(profile: Mapping[str, Any]) -> dict[str, Any]:
    """Select the fields of a profile that some stranger may see."""
    return {name: value for name, value in profile.items() if name in _CARD_FIELDS}
