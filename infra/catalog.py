"""What the app serves: found by walking it, so that there is no second list."""

from collections.abc import Iterator

from chalice.app import Chalice

from chalicelib.edge.route import Route


def routes(app: Chalice) -> Iterator[Route]:
    """Every HTTP operation of the app, by path and method."""
    for _, methods in sorted(app.routes.items()):
        for _, entry in sorted(methods.items()):
            route: Route = entry.view_function.route  # type: ignore[attr-defined]
            yield route
