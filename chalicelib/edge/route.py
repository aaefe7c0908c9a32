"""Turn a typed function into a Chalice route and a Lambda function of its own."""

from collections.abc import Callable
from contextvars import ContextVar
from functools import cached_property
from inspect import getdoc
from typing import Any

from chalice.app import Blueprint, Chalice, CORSConfig, Request, Response

from chalicelib.edge.exchange import handle
from chalicelib.edge.operation import Family, Operation
from chalicelib.resources import AUDIT

_OPEN = CORSConfig(allow_headers=["If-None-Match", "X-Request-Id"], expose_headers=["ETag", "X-Request-Id"])


_request: ContextVar[Request | None] = ContextVar("request", default=None)


class App(Chalice):
    """A Chalice app that can serve several requests at a time, as it does on a developer's machine.

    Chalice itself keeps the current request in one attribute of the app, where the next request replaces it.
    """

    @property
    def current_request(self) -> Request | None:
        return _request.get()

    @current_request.setter
    def current_request(self, request: Request | None) -> None:
        _request.set(request)


class Route(Operation):
    """An operation that is served by the shared app, and by a Lambda function of its own."""

    def __call__(self, event: dict[str, Any], context: object) -> dict[str, Any]:
        """Serve one API Gateway event: the entry point of this operation's Lambda function.

        The gateway has matched the route, so this skips the routing of Chalice, which would double the overhead. HEAD
        is answered as GET, without the body.
        """
        if event["httpMethod"] == "HEAD":
            get = {"httpMethod": "GET"}
            return self(event | get | {"requestContext": event["requestContext"] | get}, context) | {"body": ""}
        response = handle(self, Request(event, context), event["pathParameters"] or {})
        if self.cors_config:
            response.headers.update(self.cors_config.get_access_control_headers())
        return dict(response.to_dict())

    @cached_property
    def cors_config(self) -> CORSConfig | None:
        """The rules for pages of other origins; None where they have no access."""
        return _OPEN if self.max_age or self.cors else None

    def register(self, host: Chalice | Blueprint) -> None:
        """Make `host` serve this operation under each of its paths."""
        view = self.view(host)
        for path in self.paths:
            host.route(path, methods=[self.method], content_types=["*/*"], cors=self.cors_config)(view)

    def view(self, host: Chalice | Blueprint) -> Callable[..., Response]:
        """The Chalice view of this operation on `host`."""

        def view(**path: str) -> Response:
            request = host.current_request
            assert request is not None
            return handle(self, request, path)

        view.__name__, view.__doc__ = self.__name__, getdoc(self.function)
        view.route = self  # type: ignore[attr-defined]
        return view


def route(bp: Blueprint, method: str, path: str, family: Family, **more: Any) -> Callable[[Callable[..., Any]], Route]:
    """Declare an operation on `bp`: a view in the shared app, and a Lambda function of its own."""
    if more.get("audits"):
        more["grants"] = more.get("grants", ()) + AUDIT.can("PutItem")

    def declare(function: Callable[..., Any]) -> Route:
        declared = Route(function, method, path, family, **more)
        declared.register(bp)
        bp.lambda_function(name=declared.__name__)(declared)
        return declared

    return declare
