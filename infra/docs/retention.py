"""The page about how long data is kept."""

from collections.abc import Iterator

from chalicelib import retention
from infra.docs.markdown import code, page, table
from infra.template.settings import SETTINGS

_INTRODUCTION = """\
Data has an end. From its end on it is gone for every reader; the tables delete it within a few days. What belongs to
it ends with it: the labels, supplements, clicks and attempts of a delivery, the ids of a relay, the counts of lists."""
_OPEN = """\
What is open has no end: events that are held, tasks that are not done, relays that something can still come of.
Cards, contacts, people, tokens and catalog items stay until somebody deletes them."""
_CHANGING = """\
Set the days as [settings](settings.md), from {fewest} on; 0 keeps data for ever. A new setting concerns new data.
`python -m infra.admin retention apply` gives what is stored already its end by the present settings; it may be stopped
and repeated. `python -m infra.admin retention show` lists the days."""
_FIXED = """\
These times follow from how the desk works, and can't be set."""


def render() -> str:
    """Return the page."""
    return page(
        "Retention",
        _INTRODUCTION,
        table(("Data", "Kept after", "Days", "Environment variable", "Parameter"), _rows()),
        _OPEN,
        _CHANGING.format(fewest=retention.FEWEST_DAYS),
        "## Fixed",
        _FIXED,
        table(("Data", "Kept after", "Time"), ((each.what, each.since, _time(each)) for each in retention.FIXED)),
        "## Logs",
        "Logs are kept for `LogDays`, and those with the actions of administrators for `AuditDays` ([settings]"
        "(settings.md)).",
    )


def _rows() -> Iterator[tuple[str, ...]]:
    for each in retention.SETTABLE:
        days = str(each.kept.days)
        yield each.what, each.since, days, code(each.setting), code(SETTINGS[each.setting].parameter)


def _time(kind: retention.Kind) -> str:
    days, hours = kind.kept.days, kind.kept.seconds // 3600
    if not hours:
        return f"{days} days" if days > 1 else f"{days * 24} hours"
    return f"{days * 24 + hours} hours"
