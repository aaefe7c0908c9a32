"""The result of a request to another host."""

import json
from dataclasses import dataclass
from typing import Any

_GONE = 410


@dataclass(frozen=True)
class HttpResult:
    """The result of one request: the receiver's status, or the reason why there is none.

    `excerpt` is the beginning of an error's body as plain text; `retry_after` and `location` are the headers of these
    names, the second of redirects only. `body` is filled in only by requests that read it. A request that was not
    `sent` has the reason why, and the status Gone, so that it is not tried again.
    """

    status: int | None
    reason: str | None = None
    excerpt: str = ""
    retry_after: str | None = None
    body: bytes = b""
    location: str | None = None
    sent: bool = True

    @classmethod
    def unsent(cls, reason: str) -> "HttpResult":
        """Return the result of a request that this desk does not make."""
        return cls(_GONE, f"not sent: {reason}", sent=False)

    @property
    def error(self) -> str | None:
        """Why the request failed; None when it succeeded."""
        if self.status is None or not self.sent:
            return self.reason
        if 200 <= self.status <= 299:  # noqa: PLR2004 - HTTP's
            return None
        text = f"answered {self.status}"
        if 300 <= self.status <= 399:  # noqa: PLR2004 - HTTP's
            return f"{text}; redirects are not followed"
        return f"{text}: {self.excerpt}" if self.excerpt else text


def json_object(body: bytes) -> dict[str, Any]:
    """Return the body as a JSON object; empty if it is anything else."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def require_success(result: HttpResult, member: str = "success") -> HttpResult:
    """Return the result, as a failure unless a success also says so in its body: `{"success": true}`.

    A parked domain, a proxy's login page and a server that swallows everything answer 200 as well.
    """
    if result.error is not None:
        return result
    answer = json_object(result.body)
    if answer.get(member) is True and answer.get("success") is not False:
        return result
    said = f"{member}: false" if answer.get(member) is False or answer.get("success") is False else f"no {member}: true"
    return HttpResult(None, f"answered {result.status} with {said}", retry_after=result.retry_after)
