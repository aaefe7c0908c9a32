"""One HTTP operation: all that its function, its policy and its documentation need."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from inspect import Parameter, signature
from types import NoneType
from typing import Any, get_args, get_type_hints

from pydantic import BaseModel
from pydantic_core import to_json

from chalicelib.core.domain.budgets import Charge
from chalicelib.core.domain.callers import Caller
from chalicelib.core.domain.envelope import Data
from chalicelib.core.domain.errors import Refusal
from chalicelib.core.domain.requests import RawRequest
from chalicelib.core.ports import Replays
from chalicelib.edge import auth, problem
from chalicelib.resources import Grant

NO_CHARGE = Charge(0)


@dataclass(frozen=True)
class Reply:
    """A reply other than the operation's usual one: a body of JSON by its model, or of text as it is.

    `unspent` is the part of the call's charge that turned out not to be due; it is given back.
    """

    body: Data | str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    unspent: Charge = NO_CHARGE


def as_stored(stored: dict[str, Any]) -> Reply:
    """The reply of an earlier call that was kept whole, as its status and its body."""
    return Reply(to_json(stored["body"]).decode(), stored["status"])


def without_data(_: dict[str, Any]) -> None:
    """The data of an earlier call's reply that had none."""


@dataclass(frozen=True)
class Family:
    """What the operations of one contract share: the shape and statuses of errors, and the stores behind the edge."""

    shape: problem.Shape
    error_type: str
    tokens: auth.TokenBudgets
    replays: Replays
    statuses: Mapping[type[Refusal], int] = field(default_factory=lambda: problem.STATUS)
    operators: auth.Operators | None = None

    def status_of(self, kind: type[Refusal]) -> int:
        return problem.status_of(kind, self.statuses)


@dataclass(frozen=True)
class Operation:
    """An operation as it is declared.

    The function's signature is its contract. `body`, `query` and `headers` are parsed into their annotated models,
    `caller` is the authenticated bearer of one of the annotated kinds of token, `context` has id, time and
    claim; every other parameter is taken from the path. A body with a default, such as None, may be left out.
    `answer` names the reply's model where the return annotation does not, by status where that decides.
    With `envelope`, the name of its schema, the reply is `{"success": true, "data": …}` around what the function
    returns.
    A public operation may have a `gate`: it judges the request as it was sent, before any flaw of its input is told,
    and what it returns is the parameter `admitted`.
    A caller that may be None is anyone, known or not. Tokens are looked for in `token_header`.
    It is served under each of `aliases` too, and documented under `path` only. With `max_age`, in seconds, replies
    are the same for everybody: anyone may keep them so long. Pages of other origins may read them, and what is
    declared `open`. `timeout`, in seconds, and `memory`, in MB, are those of its function.
    """

    function: Callable[..., Data | Reply]
    method: str
    path: str
    family: Family
    tag: str
    aliases: tuple[str, ...] = ()
    status: int = 200
    grants: tuple[Grant, ...] = ()
    refusals: tuple[type[Refusal], ...] = ()
    answer: type[BaseModel] | Mapping[int, type[BaseModel] | None] | None = None
    envelope: str = ""
    answers: Mapping[int, str] = field(default_factory=dict)
    media_type: str = "application/json"
    max_age: int = 0
    open: bool = False
    token_header: str = "Authorization"
    area: str = "all"
    admin_only: bool = False
    operator_only: bool = False
    instead: str = ""
    timeout: int = 29
    memory: int = 1024
    gate: Callable[[RawRequest], Any] | None = None
    charge: Callable[[Any], Charge] = lambda _: Charge()
    replay: Callable[[dict[str, Any]], Data | Reply] | None = None

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
        return () if hint is None else tuple(arm for arm in get_args(hint) or (hint,) if arm is not NoneType)

    @property
    def caller_is_optional(self) -> bool:
        return NoneType in get_args(self.hints.get("caller"))

    @cached_property
    def body(self) -> Any:
        """The body's model, if the operation takes a body."""
        hint = self.hints.get("body")
        arms = get_args(hint)
        return next(arm for arm in arms if arm is not NoneType) if NoneType in arms else hint

    @cached_property
    def body_is_optional(self) -> bool:
        return signature(self.function).parameters["body"].default is not Parameter.empty

    @property
    def paths(self) -> tuple[str, ...]:
        return (self.path, *self.aliases)

    @property
    def accepts_idempotency_key(self) -> bool:
        return self.replay is not None
