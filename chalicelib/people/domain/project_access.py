"""What publishing asks of a project."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ProjectAccess:
    """What a project says about a sender and a recipient.

    `sender_is_admin` holds for administrators of the project and of the whole organisation. Without a
    recipient, as for a held event, `recipient_is_member` holds: it is judged when one is named.
    """

    project_id: str
    sender_is_admin: bool
    recipient_is_member: bool
