"""The page about alarms, with what they cost."""

from collections.abc import Iterable, Iterator
from typing import Any

from infra.docs.markdown import code, page, table
from infra.docs.unused_desk import PRICES, count_metrics, list_alarms, list_paid_alarms, price_unused_desk
from infra.template.entry_points import EntryPoint

_INTRODUCTION = """\
A deployment has these alarms. They are sent to the topic `<prefix>-alarms`, and to `AlarmEmail` if that is set. What to
look at is in [Operate a desk](../operations.md#read-the-dashboard). Those that begin with `release-` tell nobody: they
end a release while it is deployed."""
_PRICE = """\
CloudWatch charges {each:.2f} USD a month for each metric that an alarm watches. {count} alarms watch {metrics} metrics.
A desk that nobody uses costs {total:.2f} USD a month, before any free tier:"""


def render(entry_points: Iterable[EntryPoint]) -> str:
    """Return the page."""
    functions = list(entry_points)
    paid, price = list_paid_alarms(functions), price_unused_desk(functions)
    parts = {
        "alarms": price.alarms,
        "the dashboard": price.dashboard,
        "the secret": price.secret,
        "Lambda's reading of the queues": price.polling,
        "schedules that find nothing to do": price.schedules,
    }
    return page(
        "Alarms",
        _INTRODUCTION,
        table(("Alarm", "When", "Metrics"), _rows(list_alarms(functions))),
        "## Price",
        _PRICE.format(
            each=PRICES["per_month"]["alarm"],
            count=len(paid),
            metrics=sum(map(count_metrics, paid)),
            total=price.total,
        ),
        table(("For", "USD a month"), ((name, f"{part:.2f}") for name, part in parts.items())),
    )


def _rows(found: Iterable[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    for each in found:
        properties = each["Properties"]
        name = properties["AlarmName"]["Fn::Sub"].removeprefix("${Prefix}-")
        only = f" Only with `{each['Condition'].removeprefix('Has')}`." if "Condition" in each else ""
        yield code(name), properties["AlarmDescription"] + only, str(count_metrics(each))
