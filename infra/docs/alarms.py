"""The page about alarms, with what they cost."""

from collections.abc import Iterable, Iterator
from typing import Any

from infra.docs.markdown import code, page, table
from infra.template.alarms import alarms
from infra.template.entry_points import EntryPoint
from infra.template.release_alarms import release_alarms

# List prices of CloudWatch and Secrets Manager in us-east-1, in USD a month.
EACH_METRIC, DASHBOARD, SECRET = 0.10, 3.00, 0.40

_INTRODUCTION = """\
A deployment has these alarms. They are sent to the topic `<prefix>-alarms`, and to `AlarmEmail` if that is set. What to
look at is in [Operate a desk](../operations.md#read-the-dashboard). Those that begin with `release-` tell nobody: they
end a release while it is deployed."""
_PRICE = """\
CloudWatch charges {each:.2f} USD a month for each metric that an alarm watches. {alarms} alarms watch {metrics}
metrics, which is {price:.2f} USD a month. With the dashboard ({dashboard:.2f}) and the secret ({secret:.2f}), a desk
that nobody uses costs {total:.2f} USD a month, before CloudWatch's free tier (ten alarms, three dashboards), and
besides the polling of its queues (0.40 USD for a million requests)."""


def render(entry_points: Iterable[EntryPoint]) -> str:
    """Return the page."""
    functions = list(entry_points)
    made = {**alarms(functions), **release_alarms(functions)}.values()
    found = [each["Properties"] for each in made if each["Type"] == "AWS::CloudWatch::Alarm"]
    metrics = sum(map(_count_metrics, found))
    price = metrics * EACH_METRIC
    return page(
        "Alarms",
        _INTRODUCTION,
        table(("Alarm", "When", "Metrics"), _rows(found)),
        "## Price",
        _PRICE.format(
            each=EACH_METRIC,
            alarms=len(found),
            metrics=metrics,
            price=price,
            dashboard=DASHBOARD,
            secret=SECRET,
            total=price + DASHBOARD + SECRET,
        ),
    )


def _rows(found: Iterable[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    for each in found:
        name = each["AlarmName"]["Fn::Sub"].removeprefix("${Prefix}-")
        yield code(name), each["AlarmDescription"], str(_count_metrics(each))


def _count_metrics(alarm: dict[str, Any]) -> int:
    """Count the metrics that are paid for: an expression costs what it reads."""
    return sum("MetricStat" in each for each in alarm["Metrics"]) if "Metrics" in alarm else 1
