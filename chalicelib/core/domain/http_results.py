"""The result of a request to another host."""

from dataclasses import dataclass


@dataclass(frozen=True)
class HttpResult:
    """The result of one request: the receiver's status, or the reason why there is none.

    `excerpt` is the beginning of an error's body as plain text, `retry_after` the header of that name. `body` is
    filled in only by requests that read it.
    """

    status: int | None
    reason: str | None = None
    excerpt: str = ""
    retry_after: str | None = None
    body: bytes = b""

    @property
    def error(self) -> str | None:
        """Why the request failed; None when it succeeded."""
        if self.status is None:
            return self.reason
        if 200 <= self.status <= 299:  # noqa: PLR2004 - HTTP's
            return None
        text = f"answered {self.status}"
        if 300 <= self.status <= 399:  # noqa: PLR2004 - HTTP's
            return f"{text}; redirects are not followed"
        return f"{text}: {self.excerpt}" if self.excerpt else text
