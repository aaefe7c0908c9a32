"""Write a table and a plot of the last figures to bench/results: `python -m bench.report`."""

from typing import Any

import matplotlib as mpl

from bench.cpu import BARE, FASTAPI, OURS, POWERTOOLS, ratio
from bench.growth import format_figures
from bench.machine import describe_machine
from bench.peers import BARE as BOTO3
from bench.peers import OURS as PUBLISHED
from bench.results import FOLDER, load_results

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "fluxden"

_MILLION_USD = {"publish an event": 10, "one delivery of those": 5}
_OF_FASTAPI, _COLD_OF_BARE, _COLD_OF_FASTAPI, _UNITS = 0.5, 1.5, 0.7, 5


def main() -> None:
    text = table()
    FOLDER.joinpath("table.md").write_text(text, encoding="utf-8")
    draw()
    print(text)


def table() -> str:
    """Return a Markdown table of figures and targets."""
    cpu, cold, costs = load_results("cpu"), load_results("cold-start"), load_results("costs")
    warm, cold_cpu, page = load_results("warm"), load_results("cold-start-cpu"), load_results("first-page")
    rows = [
        *(
            (f"CPU to {name}, of FastAPI + Mangum's", ratio(of), _OF_FASTAPI if name.startswith("publish") else None)
            for name, of in cpu.items()
        ),
        ("whole CPU of a warm publish, of FastAPI + Mangum's", warm[PUBLISHED] / warm[FASTAPI], None),
        ("whole CPU of a warm publish, of boto3 alone", warm[PUBLISHED] / warm[BOTO3], None),
        ("cold start, of boto3 alone", cold[PUBLISHED] / cold[BOTO3], _COLD_OF_BARE),
        ("cold start, of FastAPI + Mangum", cold[PUBLISHED] / cold[FASTAPI], _COLD_OF_FASTAPI),
        ("CPU of a cold start, of boto3 alone", cold_cpu[PUBLISHED] / cold_cpu[BOTO3], None),
        ("CPU of a cold start, of FastAPI + Mangum", cold_cpu[PUBLISHED] / cold_cpu[FASTAPI], None),
        ("the console's first page, all cold: milliseconds until it is there", page["waited"], None),
        ("the same: milliseconds of CPU in its functions", page["cpu"], None),
        ("units written to publish an event", costs["publish an event"]["written"], _UNITS),
        ("the same of 2 KB", costs["publish an event of 2 KB"]["written"], _UNITS),
        ("USD for a million publishes", costs["publish an event"]["usd"], _MILLION_USD["publish an event"]),
        ("the same of 2 KB", costs["publish an event of 2 KB"]["usd"], _MILLION_USD["publish an event"]),
        (
            "USD for a million bulk deliveries",
            costs["one delivery of those"]["usd"],
            _MILLION_USD["one delivery of those"],
        ),
        *(
            (f"events a second published, {name}", of["published"], None)
            for name, of in load_results("throughput").items()
        ),
        *(
            (f"deliveries a second fanned out, {name}", of["fannedOut"], None)
            for name, of in load_results("throughput").items()
        ),
    ]
    lines = [f"Measured on {describe_machine()}.", "", "| | measured | wanted at most | |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {name} | {_number(found)} | {_number(most)} | {_verdict(found, most)} |" for name, found, most in rows
    ]
    return "\n".join([*lines, "", *_growth(load_results("growth")), "", *_functions(load_results("functions"))]) + "\n"


def _growth(growth: dict[str, dict[str, dict[str, float]]]) -> list[str]:
    sizes = list(next(iter(growth.values())))
    head = " | ".join(f"{int(size):,} rows" for size in sizes)
    lines = [
        f"| calls, units written, units read; milliseconds on DynamoDB Local | {head} |",
        f"| --- |{' --- |' * len(sizes)}",
    ]
    for name, by_size in growth.items():
        cells = " | ".join(map(format_figures, by_size.values()))
        lines.append(f"| {name} | {cells} |")
    return lines


def _functions(functions: dict[str, dict[str, float]]) -> list[str]:
    """Return a row for each function, the slowest to start first."""
    lines = ["| milliseconds of CPU | import | modules | cold | warm |", "| --- | --- | --- | --- | --- |"]
    for name, of in functions.items():
        cold, warm = (f"{of[each]:.1f}" if each in of else "" for each in ("cold", "warm"))
        lines.append(f"| `{name}` | {of['import']:.0f} | {of['modules']:.0f} | {cold} | {warm} |")
    return lines


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}" if value >= 20 else f"{value:.2f}".rstrip("0").rstrip(".")  # noqa: PLR2004


def _verdict(found: float, most: float | None) -> str:
    return "" if most is None else "met" if round(found, 2) <= most else "not met"


def draw() -> None:
    """Draw CPU and cold starts beside the other frameworks to bench/results/peers.svg."""
    from matplotlib import pyplot

    cpu, cold = load_results("cpu"), load_results("cold-start")
    colours = {OURS: "#2f6fdf", FASTAPI: "#9aa5b1", POWERTOOLS: "#c3cad2", BARE: "#e3e7eb"}
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 3.6), width_ratios=(3, 1.4))
    for number, (name, colour) in enumerate(colours.items()):
        places = [place + (number - 1.5) * 0.2 for place in range(len(cpu))]
        left.bar(places, [of[name] / 1000 for of in cpu.values()], 0.18, label=name, color=colour)
    left.set_xticks(range(len(cpu)), list(cpu))
    _style_axes(left, "Warm CPU outside boto3, ms a call")
    left.legend(frameon=False)
    right.bar(range(len(cold)), list(cold.values()), 0.6, color=[colours[OURS], colours[BARE], colours[FASTAPI]])
    right.set_xticks(range(len(cold)), ["fluxden", "boto3\nalone", "FastAPI +\nMangum"])
    _style_axes(right, "Cold start, ms")
    figure.text(0.01, 0.01, describe_machine(), fontsize=7, color="#68727d")
    figure.tight_layout(rect=(0, 0.03, 1, 1))
    figure.savefig(FOLDER / "peers.svg", metadata={"Date": None})


def _style_axes(axes: Any, title: str) -> None:
    axes.set_title(title, fontsize=10, loc="left")
    axes.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    main()
