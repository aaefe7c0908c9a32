"""Feedback on this desk by people, their agents and integrators."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from chalicelib.core.domain.callers import ApiKey, ToolsToken
from chalicelib.core.domain.fields import Clamped, In, Line, Omittable, Out, Query, TimeOut, not_blank

_MOST = 200
_LONGEST_MESSAGE = 10_000


class FeedbackKind(StrEnum):
    BUG = "bug"
    IDEA = "idea"
    PRAISE = "praise"
    QUESTION = "question"
    OTHER = "other"


class AuthorKind(StrEnum):
    """The kind of an author: a person by an API key, or an integrator by its tools token."""

    PERSON = "person"
    INTEGRATOR = "integrator"


@dataclass(frozen=True)
class Author:
    """The author of feedback. `id` is a user id or the slug of an integrator."""

    kind: AuthorKind
    id: str

    @classmethod
    def of(cls, caller: ApiKey | ToolsToken) -> "Author":
        if isinstance(caller, ApiKey):
            return cls(AuthorKind.PERSON, caller.user_id)
        return cls(AuthorKind.INTEGRATOR, caller.integrator)


@dataclass(frozen=True)
class Feedback:
    """One piece of feedback; its id sorts by time."""

    feedback_id: str
    author: Author
    kind: FeedbackKind
    message: str
    about: str | None
    created_at: str


class FeedbackIn(In):
    """New feedback on the desk."""

    message: Annotated[str, Field(min_length=1, max_length=_LONGEST_MESSAGE), AfterValidator(not_blank)]
    kind: FeedbackKind = FeedbackKind.OTHER
    about: Omittable[Annotated[Line, Field(min_length=1, max_length=200)]] = Field(
        None, description="What it is about, such as a tool, an operation or a page."
    )


class FeedbackQuery(Query):
    """A page of feedback, from the newest backwards."""

    limit: Annotated[int, Field(ge=1), Clamped(_MOST)] = Field(
        50, description=f"How many at most; anything above {_MOST} counts as {_MOST}."
    )
    cursor: Omittable[str] = Field(None, description="`nextCursor` of the page before.")


class AuthorOut(Out):
    """The author. `id` is the person's user id or the integrator's slug."""

    kind: AuthorKind
    id: str


class FeedbackOut(Out):
    """One piece of feedback."""

    id: str
    kind: FeedbackKind
    message: str
    about: str | None
    author: AuthorOut
    created_at: TimeOut


class FeedbackPage(Out):
    """Feedback, newest first; `nextCursor` is null on the last page."""

    items: list[FeedbackOut]
    next_cursor: str | None


def to_response(feedback: Feedback) -> FeedbackOut:
    return FeedbackOut(
        id=feedback.feedback_id,
        kind=feedback.kind,
        message=feedback.message,
        about=feedback.about,
        author=AuthorOut(kind=feedback.author.kind, id=feedback.author.id),
        created_at=feedback.created_at,
    )
