"""The adapter of any JSON: expressions of JMESPath, and their bounds."""

from typing import Any

import pytest

from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.severity import Severity
from chalicelib.ingest.domain.adapters.mapped import check_mapping, compile_expression, read
from chalicelib.ingest.domain.incoming import Draft, Incoming, IngestStep
from tests.support.ingest import NOW


def drafts(body: Any, **mapping: str) -> tuple[Draft, ...]:
    return read(Incoming({}, b"", body, "req_1", NOW, mapping=mapping)).drafts


def test_members_are_found_by_their_expressions() -> None:
    body = {"a": {"t": "Site down", "lvl": "HIGH", "at": 1796040000, "n": 3, "tags": {"host": "www", "up": False}}}
    (draft,) = drafts(body, title="a.t", severity="a.lvl", occurred_at="a.at", summary="a.n", labels="a.tags")
    assert (draft.title, draft.severity, draft.summary) == ("Site down", Severity.WARN, "3")
    assert draft.occurred_at is not None
    assert draft.labels == {"host": "www", "up": "false"}
    assert (draft.event_id, draft.kind) == ("json-req_1-0", "event.received")


@pytest.mark.parametrize(("up", "step"), [(True, "resolve"), (False, "publish"), (None, "publish"), ("yes", "publish")])
def test_only_true_resolves(up: Any, step: str) -> None:
    (draft,) = drafts({"t": "x", "up": up}, title="t", resolved="up")
    assert draft.step is IngestStep(step)


def test_a_list_makes_one_event_for_each_member() -> None:
    assert [each.event_id for each in drafts([{"t": "x"}, {"t": "y"}], title="t")] == ["json-req_1-0", "json-req_1-1"]
    with pytest.raises(Invalid, match="at most 100"):
        drafts([{"t": "x"}] * 101, title="t")


@pytest.mark.parametrize("expression", ["nothing", "join(', ', t)", "t[0"])
def test_what_does_not_fit_is_refused(expression: str) -> None:
    with pytest.raises(Invalid):
        drafts({"t": "x"}, title=expression)


@pytest.mark.parametrize("expression", ["a" * 301, "(" * 300, "[@,@].[@,@].[@,@]", ".".join("a" * 61), "a b"])
def test_expressions_are_bounded(expression: str) -> None:
    with pytest.raises(Invalid):
        compile_expression(expression)


@pytest.mark.parametrize("mapping", [{}, {"summary": "a"}, {"title": "a", "other": "b"}, {"title": "a["}])
def test_a_mapping_has_a_title_and_known_members(mapping: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        check_mapping(mapping)
