"""The access of a sender and a recipient to a project."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ProjectAccess:
    """The access of a sender and a recipient to a project.

    `sender_is_admin` is True for administrators of the project and of the organisation. `recipient_is_member` is True
    without a recipient too, as for a held event; it is checked when the recipient is named.
    """

    project_id: str
    sender_is_admin: bool
    recipient_is_member: bool
