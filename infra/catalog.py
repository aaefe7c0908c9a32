"""List what the app serves, from the app itself."""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from chalice.app import Chalice

from chalicelib.edge.consumer import Consumer
from chalicelib.edge.route import Route
from chalicelib.edge.schedule import Schedule


def areas() -> dict[str, str]:
    """Return the area of each module of `chalicelib` that has entry points."""
    from app import ENTRY_POINTS

    return {module: area for area, modules in ENTRY_POINTS.items() for module in modules}


def routes(app: Chalice) -> Iterator[Route]:
    """Return every HTTP operation of the app, by path and method."""
    for path, methods in sorted(app.routes.items()):
        for _, entry in sorted(methods.items()):
            route: Route = entry.view_function.route  # type: ignore[attr-defined]
            if path == route.path:
                yield route


def consumers(app: Chalice) -> Iterator[Consumer]:
    """Return the worker of every queue."""
    return (found for found in _handlers(app) if isinstance(found, Consumer))


def schedules(app: Chalice) -> Iterator[Schedule]:
    """Return every schedule."""
    return (found for found in _handlers(app) if isinstance(found, Schedule))


def sockets(app: Chalice) -> Iterator[tuple[str, Callable[[dict[str, Any], Any], Any]]]:
    """Return the functions of the WebSocket API by route key."""
    for route_key, entry in sorted(app.websocket_handlers.items()):
        yield route_key, _handler(entry)


def _handlers(app: Chalice) -> Iterator[Any]:
    return (_handler(source) for source in app.event_sources)


def _handler(source: Any) -> Any:
    module, _, name = source.handler_string.rpartition(".")
    return getattr(import_module(module), name)
