"""Refs of people: what stands for a person where nothing may lead to them once they are erased.

Audit entries and log lines outlive an erasure, and are never changed, so they name people only by refs.
"""

import re
from hashlib import sha256

_REF = re.compile(r"[0-9a-f]{32}")


def person_ref(user_id: str) -> str:
    """Return the ref of a person.

    User ids are random, so the id can be tried only by who has it: once it is erased, the ref leads to nobody.
    """
    return sha256(f"audit:{user_id}".encode()).hexdigest()[:32]


def is_person_ref(text: str) -> bool:
    """Whether the text is a ref. A user id is none, since it has hyphens."""
    return bool(_REF.fullmatch(text))
