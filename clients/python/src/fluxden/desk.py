"""A desk, as programs use it."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from fluxden.errors import SettingsError
from fluxden.generated.v1 import V1
from fluxden.generated.v2 import V2
from fluxden.retries import RetryPolicy
from fluxden.stream import LiveEvents
from fluxden.transport import Transport

# The longest that a desk waits before it answers.
_WAIT_SECONDS = 25
# Behind gateways that answer at once, so that waiting is not asking all the time.
_LEAST_PAUSE = 2.0

State = Literal["waiting", "approved", "rejected", "expired"]


@dataclass(frozen=True)
class Decision:
    """The decision about a task. `arguments` are those of its proposal, as the person approved them."""

    state: State
    reason: str | None
    arguments: dict[str, Any] | None
    approval: dict[str, Any]


class Desk:
    """A desk under one token. `v1` and `v2` have its operations, one method for each.

    `url` is where the desk is, without a path. The token is sent to it and nowhere else, and nothing here shows it.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        policy: RetryPolicy | None = None,
        timeout: float = 60.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._policy, self._sleep = policy or RetryPolicy(), sleep
        self._transport = Transport(url, token, policy=self._policy, timeout=timeout, sleep=sleep)
        self.v1 = V1(self._transport.send)
        self.v2 = V2(self._transport.send)

    @classmethod
    def from_environment(cls, **options: Any) -> Self:
        """Open the desk at FLUXDEN_URL with the token in FLUXDEN_TOKEN, or in the file FLUXDEN_TOKEN_FILE."""
        url, token = os.environ.get("FLUXDEN_URL", ""), os.environ.get("FLUXDEN_TOKEN", "")
        if not token and (file := os.environ.get("FLUXDEN_TOKEN_FILE")):
            try:
                token = Path(file).read_text(encoding="utf-8")
            except OSError as error:
                raise SettingsError(f"Can't read FLUXDEN_TOKEN_FILE: {error.strerror}") from error
        if not url or not token:
            raise SettingsError("Set FLUXDEN_URL to the address of the desk, and FLUXDEN_TOKEN to a token of it.")
        return cls(url, token, **options)

    @property
    def url(self) -> str:
        return self._transport.url

    def __repr__(self) -> str:
        return f"Desk({self.url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    def live_events(
        self, after: str = "", *, agent_name: str | None = None, on_connect: Callable[[], None] | None = None
    ) -> LiveEvents:
        """Return the live events of the key's owner after the id `after`. Iterate over them; they don't end."""
        return LiveEvents(
            self._transport,
            after,
            agent_name=agent_name,
            policy=self._policy,
            sleep=self._sleep,
            on_connect=on_connect,
        )

    def wait_for_decision(
        self,
        task_id: str,
        *,
        timeout: float | None = None,
        on_wait: Callable[[float], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> Decision:
        """Wait until a task is approved, rejected or expired, with an API key of its owner.

        `on_wait` is called with the seconds so far, each time that the desk says that the task still waits. After
        `timeout` seconds the state is `waiting`.
        """
        started = clock()
        while True:
            asked = clock()
            left = _WAIT_SECONDS if timeout is None else timeout - (asked - started)
            seconds = max(0, min(_WAIT_SECONDS, int(left)))
            reply = self.v2.get_approval(task_id, wait_seconds=seconds)
            decision = decision_of(reply["data"])
            past = clock() - started
            if decision.state != "waiting" or (timeout is not None and past >= timeout):
                return decision
            if on_wait:
                on_wait(past)
            pause = _LEAST_PAUSE - (clock() - asked)
            if pause > 0:
                self._sleep(pause if timeout is None else max(0.0, min(pause, timeout - past)))


def decision_of(approval: Any) -> Decision:
    """Read a decision from what the desk says about a task."""
    task = approval["task"] or {}
    metadata = json_object(task.get("metadata"))
    arguments = metadata.get("proposal", {}).get("arguments") if metadata else None
    reason = (approval["decision"] or {}).get("reason")
    return Decision(approval["state"], reason, arguments, dict(approval))


def json_object(text: str | None) -> dict[str, Any]:
    """Return the metadata of a task, which is a JSON object as a string."""
    found = json.loads(text) if text else {}
    return found if isinstance(found, dict) else {}
