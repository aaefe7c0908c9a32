"""Turn a typed function into a Chalice route and a Lambda function of its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from inspect import Parameter, getdoc, signature
from typing import Any, Protocol, get_args, get_type_hints

from chalice.app import Blueprint, Chalice, Response
from pydantic import BaseModel

from chalicelib.domain.budgets import Charge
from chalicelib.domain.callers import Caller
from chalicelib.domain.errors import Refusal
from chalicelib.domain.idempotency import Answered, Claim
from chalicelib.edge import auth, problem
from chalicelib.edge.exchange import Exchange, Reply
from chalicelib.resources import Grant

RESERVED = ("body", "query", "caller", "call")


class Replays(Protocol):
    def find(self, claim: Claim) -> Answered | None: ...


@dataclass(frozen=True)
class Family:
    """What the operations of one contract share: their error shape, and the stores behind the edge."""

    shape: problem.Shape
    error_type: str
    tokens: auth.Tokens
    replays: Replays


@dataclass(frozen=True)
class Route:
    """One HTTP operation, and all that its function, its policy and its documentation need.

    The function's signature is its contract. `body` and `query` are parsed into their annotated models,
    `caller` is the authenticated bearer of one of the annotated kinds of token, `call` tells id, time and
    claim; every other parameter is taken from the path. A body with a default may be left out.
    """

    function: Callable[..., BaseModel | Reply]
    method: str
    path: str
    family: Family
    tag: str
    status: int = 200
    grants: tuple[Grant, ...] = ()
    refusals: tuple[type[Refusal], ...] = ()
    answer: type[BaseModel] | None = None
    answers: Mapping[int, str] = field(default_factory=dict)
    media_type: str = "application/json"
    area: str = "all"
    instead: str = ""
    charge: Callable[[Any], Charge] = lambda _: Charge()
    replay: Callable[[dict[str, Any]], BaseModel | Reply] | None = None

    def __call__(self, event: dict[str, Any], context: object) -> Any:
        """Serve one API Gateway event: the entry point of this operation's Lambda function."""
        return self._app(event, context)

    @property
    def __name__(self) -> str:
        return self.function.__name__

    @cached_property
    def hints(self) -> dict[str, Any]:
        return get_type_hints(self.function, include_extras=True)

    @cached_property
    def callers(self) -> tuple[type[Caller], ...]:
        """The kinds of caller allowed; none for a public operation."""
        hint = self.hints.get("caller")
        return () if hint is None else get_args(hint) or (hint,)

    @cached_property
    def body_is_optional(self) -> bool:
        return signature(self.function).parameters["body"].default is not Parameter.empty

    @property
    def accepts_idempotency_key(self) -> bool:
        return self.replay is not None

    @cached_property
    def _app(self) -> Chalice:
        app = Chalice(self.__name__, configure_logs=False)
        app.route(self.path, methods=[self.method], content_types=["*/*"])(self.view(app))
        return app

    def view(self, host: Chalice | Blueprint) -> Callable[..., Response]:
        """The Chalice view of this operation on `host`."""

        def view(**path: str) -> Response:
            request = host.current_request
            assert request is not None
            return Exchange(self, request, path).respond()

        view.__name__, view.__doc__ = self.__name__, getdoc(self.function)
        view.route = self  # type: ignore[attr-defined]
        return view


def route(bp: Blueprint, method: str, path: str, family: Family, **more: Any) -> Callable[[Callable[..., Any]], Route]:
    """Declare an operation on `bp`: one view in the shared app, one Lambda function of its own."""

    def declare(function: Callable[..., Any]) -> Route:
        declared = Route(function, method, path, family, **more)
        bp.route(path, methods=[method], content_types=["*/*"])(declared.view(bp))
        bp.lambda_function(name=declared.__name__)(declared)
        return declared

    return declare
