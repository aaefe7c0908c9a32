"""The declaration of an HTTP operation, from which its function, its policy and its documentation are made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from inspect import Parameter, signature
from types import NoneType
from typing import Any, get_args, get_type_hints

from pydantic import BaseModel
from pydantic_core import to_json

from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.domain.budgets import Charge
from chalicelib.core.domain.callers import Caller
from chalicelib.core.domain.envelope import Data
from chalicelib.core.domain.errors import Refusal
from chalicelib.core.domain.requests import RawRequest
from chalicelib.core.ports import Replays
from chalicelib.edge import auth, problem
from chalicelib.edge.streaming import Pieces
from chalicelib.resources import Grant

NO_CHARGE = Charge(0)
# In bytes.
LARGEST_BODY = 262_144


@dataclass(frozen=True)
class OperationReply:
    """A reply with a status or headers of its own; its body is a model, text that is sent as it is, or its pieces.

    `unspent` is the part of the request's charge to give back.
    """

    body: Data | str | Pieces
    status: int
    headers: Mapping[str, str | list[str]] = field(default_factory=dict)
    unspent: Charge = NO_CHARGE


def from_stored_reply(stored: dict[str, Any]) -> OperationReply:
    """Convert a stored reply, which has the status and the whole body."""
    return OperationReply(to_json(stored["body"]).decode(), stored["status"])


def without_data(_: dict[str, Any]) -> None:
    """Replay a reply that had no data."""


@dataclass(frozen=True)
class Family:
    """The shape and statuses of errors, and the stores, that the operations of one contract share."""

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
    """The declaration of an operation.

    The function's signature is its contract. `body`, `query` and `headers` are parsed into their annotated models.
    `caller` is the authenticated bearer of a token of one of the annotated kinds; with `None` among them anonymous
    callers are admitted too. `context` has the request's id, time and claim. Every other parameter comes from the
    path. A body whose parameter has a default may be left out.

    `answer` is the reply's model where the return annotation does not name it, by status where that decides. With
    `envelope`, the name of its schema, the reply is `{"success": true, "data": …}` around what the function returns.
    A public operation may have a `gate`. It admits or refuses the raw request before any error of the input is
    reported, and its result is the parameter `admitted`. A `precondition` of the desk is checked after caller and gate
    and before the input too; it returns further arguments. Tokens are read from `token_header`. `permission` is what an
    API key needs, and `hint` is added to the error for callers with a token of another kind. With `checks_request_id` a
    malformed X-Request-Id is refused, since the contract has the parameter; else it is replaced.
    The operation is served under each of `aliases` too, and documented under `path` only. With `max_age`, in seconds,
    replies are the same for everybody and may be cached so long; pages of other origins may read these replies, and
    those of operations with `cors`. `audits` has the kinds of entries in the audit log that the operation writes. A
    body has at most `largest_body` bytes, and may be of any media type with a `reader`, which makes the argument `body`
    of the raw request, the path parameters and the query. `timeout`, in seconds, and `memory`, in MB, are those of its
    function.
    """

    function: Callable[..., Data | OperationReply]
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
    cors: bool = False
    token_header: str = "Authorization"
    permission: str = "all"
    admin_only: bool = False
    operator_only: bool = False
    audits: tuple[AuditKind, ...] = ()
    hint: str = ""
    checks_request_id: bool = False
    largest_body: int = LARGEST_BODY
    timeout: int = 29
    memory: int = 1024
    gate: Callable[[RawRequest], Any] | None = None
    reader: Callable[[RawRequest, Mapping[str, str], Any], Any] | None = None
    precondition: Callable[[], Mapping[str, Any]] | None = None
    charge: Callable[[Any], Charge] = lambda _: Charge()
    replay: Callable[[dict[str, Any]], Data | OperationReply] | None = None

    @property
    def __name__(self) -> str:
        return self.function.__name__

    @cached_property
    def annotations(self) -> dict[str, Any]:
        return get_type_hints(self.function, include_extras=True)

    @cached_property
    def callers(self) -> tuple[type[Caller], ...]:
        """The allowed kinds of caller; empty for a public operation."""
        hint = self.annotations.get("caller")
        return () if hint is None else tuple(arm for arm in get_args(hint) or (hint,) if arm is not NoneType)

    @property
    def caller_is_optional(self) -> bool:
        return NoneType in get_args(self.annotations.get("caller"))

    @cached_property
    def body(self) -> Any:
        """The model of the body; None for an operation without one, or whose reader takes any body."""
        if self.reader:
            return None
        hint = self.annotations.get("body")
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
