"""The written pages: the README, the pages of docs/ and the files that people look for at the top."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import app
from chalicelib.board.domain.board import MOST_ITEMS
from chalicelib.board.domain.card_contacts import MOST_CARDS, MOST_CONTACTS
from chalicelib.core.domain.guesses import AT_ONE_TARGET, FROM_ONE_ADDRESS
from chalicelib.federation.connections.domain.connections import MOST_CLAIMS_AN_HOUR, MOST_REQUESTS_AN_HOUR
from chalicelib.federation.connections.stores.claim_bounds import (
    MOST_FROM_ONE_ADDRESS,
    MOST_OF_ONE_DESK_FROM_ONE_ADDRESS,
)
from chalicelib.inbox.domain.bulk import MOST_PEOPLE
from chalicelib.inbox.domain.deliveries import MOST_SUPPLEMENTS
from chalicelib.inbox.domain.inbox import MOST_COUNTED
from chalicelib.live.domain.frame_size import LARGEST_FRAME
from chalicelib.tasks.domain.employee_tasks import MOST_OPEN_TASKS
from infra.docs.unused_desk import price_unused_desk
from infra.template.entry_points import list_entry_points

pytestmark = pytest.mark.engine("embedded")

ROOT = Path(__file__).parents[2]
PAGES = sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")})
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as forges derive them."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def broken_links(page: Path) -> Iterator[str]:
    for link in _LINK.findall(_FENCE.sub("", page.read_text(encoding="utf-8"))):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page: Path) -> None:
    assert list(broken_links(page)) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A page\n[a](#a-page) [b](#b) [c](c.md)\n```\n[d](d.md)\n```\n")
    assert list(broken_links(page)) == ["#b", "c.md"]


def test_every_make_target_that_a_page_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        commands = [*re.findall(r"`make ([a-z-]+)", text), *re.findall(r"^(?:\$ )?make ([a-z-]+)", text, re.MULTILINE)]
        assert {*commands} <= targets, page.name


def test_the_page_of_limits_has_the_numbers_of_the_code() -> None:
    page = (ROOT / "docs/limits.md").read_text(encoding="utf-8")
    for text in (
        f"{MOST_PEOPLE:,} people a bulk call",
        f"{MOST_SUPPLEMENTS} supplements a delivery",
        f"{MOST_OPEN_TASKS} open tasks of an integrator",
        f"{MOST_ITEMS} checklist items, {MOST_CONTACTS} contacts a card; {MOST_CARDS} cards a contact",
        f"{MOST_COUNTED:,} unread and {MOST_COUNTED:,} snoozed deliveries",
        f"{MOST_REQUESTS_AN_HOUR} connection requests an hour to a person, {MOST_CLAIMS_AN_HOUR} unconfirmed ones",
        f"{MOST_FROM_ONE_ADDRESS} unconfirmed requests, {MOST_OF_ONE_DESK_FROM_ONE_ADDRESS} in the name of one desk",
        f"more than {FROM_ONE_ADDRESS.free} from one address or {AT_ONE_TARGET.free} at one target",
        f"{LARGEST_FRAME // 1024} KB an event",
    ):
        assert text in page


def test_the_readme_is_short_and_begins_with_the_picture_and_the_command() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 200
    first_screen = "\n".join(lines[:20])
    assert "docs/console.png" in first_screen
    assert "make run" in first_screen


def test_every_file_that_a_page_names_exists() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        named = set(re.findall(r"`((?:chalicelib|infra|tests|bench|docs)/[\w./-]+\.\w+)`", text))
        assert [each for each in sorted(named) if not (ROOT / each).exists()] == [], page.name


def test_what_an_unused_desk_costs_is_one_figure() -> None:
    price = price_unused_desk(list_entry_points(app))
    text = {each.name: each.read_text(encoding="utf-8") for each in PAGES}
    assert f"nobody uses costs {price.total:.2f} USD a month" in " ".join(text["alarms.md"].split())
    assert "[nobody uses](reference/alarms.md#price)" in text["first-account-run.md"]
    assert not re.search(r"[\d.]+ USD a month", text["deployment.md"].partition("```text")[0])
