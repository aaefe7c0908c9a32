"""Export what is a person's: page by page, so that no call reads more than a page."""

from collections.abc import Iterator
from typing import Protocol

from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import NotFound
from chalicelib.people.domain.directory import Person
from chalicelib.personal_data.domain.exports import (
    MOST,
    SECTIONS,
    ExportPage,
    ExportPageOut,
    ExportQuery,
    Owner,
    Position,
    Record,
    fit,
    from_export_cursor,
    to_export_cursor,
)


class ColleaguesById(Protocol):
    def find_person(self, user_id: str) -> Person | None: ...


class Exports(Protocol):
    """Reads the sections of an export."""

    def read_page(self, section: str, owner: Owner, after: Position, limit: int) -> ExportPage: ...


def export_page(query: ExportQuery, *, owner: ApiKey, people: ColleaguesById, exports: Exports) -> ExportPageOut:
    """Read the next page of the caller's export. Store calls after authentication: 2, or 3.

    Raises:
        Invalid: the cursor continues another export.
        NotFound: the caller is no employee any more.
    """
    section, after = from_export_cursor(query.cursor, owner.user_id)
    person = people.find_person(owner.user_id)
    if person is None:
        raise NotFound("You are no employee of this desk any more.")
    page = fit(exports.read_page(section, Owner(person.user_id, person.email), after, query.limit))
    following = (section, page.following) if page.following else _after(section)
    return ExportPageOut(
        section=section,
        records=[dict(record) for _, record in page.records],
        next_cursor=to_export_cursor(*following, owner.user_id) if following else None,
        sections=list(SECTIONS),
    )


def iterate_section(section: str, owner: Owner, *, exports: Exports) -> Iterator[Record]:
    """Iterate over every record of a section. Store calls: 1 or 2 for each page."""
    after: Position = ()
    while True:
        page = exports.read_page(section, owner, after, MOST)
        yield from (record for _, record in page.records)
        if page.following is None:
            return
        after = page.following


def _after(section: str) -> tuple[str, Position] | None:
    place = SECTIONS.index(section) + 1
    return (SECTIONS[place], ()) if place < len(SECTIONS) else None
