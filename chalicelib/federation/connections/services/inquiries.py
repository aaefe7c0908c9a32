"""Asking the desk in whose name a connection request came whether the request is its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.core.domain.fields import parse_timestamp
from chalicelib.core.domain.http_results import HttpResult
from chalicelib.core.domain.requests import RawRequest
from chalicelib.core.ports import Get
from chalicelib.federation.connections.domain.confirmations import (
    DESCRIPTION_PATH,
    Finding,
    PeerDescription,
    Verdict,
    is_no_description,
    parse_connection_status,
    parse_description,
    question_url,
    redirected_origin,
)
from chalicelib.federation.connections.domain.connection_notices import ConnectionNotice
from chalicelib.federation.connections.domain.connections import Connection, Proof, UnknownKey
from chalicelib.federation.connections.domain.origins import parents_of
from chalicelib.federation.connections.services.ports import RefuseSignature

_ACCEPT: Mapping[str, str] = {"Accept": "application/json"}
_KNOWN = ("pending", "active")


@dataclass(frozen=True)
class Inquirer:
    """Asks other desks about themselves and about connections. Makes 1 to 5 calls, and no store calls."""

    get: Get
    refuse_signature: RefuseSignature

    def describe(self, url: str) -> tuple[str, PeerDescription | None, HttpResult]:
        """Read a desk's description; return its canonical origin, the description, and the answer to the first call.

        Another address that the desk names, or that its server redirects to, is followed once, and counts if the desk
        there names the same.
        """
        answer = self.get(f"{url}{DESCRIPTION_PATH}", _ACCEPT)
        found = parse_description(answer.body) if answer.error is None else None
        named = redirected_origin(answer, url) if found is None else found.url
        if named in (None, url):
            return url, found, answer
        there = self.get(f"{named}{DESCRIPTION_PATH}", _ACCEPT)
        canonical = parse_description(there.body) if there.error is None else None
        if canonical is not None and canonical.url == named and canonical.url is not None:
            return canonical.url, canonical, answer
        return url, found, answer

    def connection_status(self, origin: str, token_hash: str, own_url: str) -> tuple[str | None, HttpResult]:
        """Ask a desk for the state of its connection with this desk under this token; None if it knows none."""
        answer = self.get(question_url(origin, token_hash, own_url), _ACCEPT)
        return (parse_connection_status(answer.body) if answer.error is None else None), answer

    def is_plain(self, origin: str) -> bool:
        """Whether there surely is no desk at the address, nor above it, that describes itself."""
        origin, found, answer = self.describe(origin)
        if found is not None:
            return False
        above, answer = self._desk_above(origin, answer)
        return above is None and is_no_description(answer)

    def inquire(self, connection: Connection, notice: ConnectionNotice) -> Finding:
        """Find out whether a request is its desk's own: by its signature if the desk publishes keys, or by asking."""
        origin, found, answer = self.describe(connection.peer_url)
        if connection.proof is not None:
            keys, signs = (found.keys, found.signs) if found else ((), False)
            return Finding(Verdict.CONFIRMED, connection.peer_url, keys=keys, proof=connection.proof, signs=signs)
        if found is None:
            desk, answer = self._desk_above(origin, answer)
            if desk is not None:
                return Finding(Verdict.REFUTED, origin, f"the desk at {desk} is not known by this address")
            verdict = Verdict.UNVERIFIABLE if is_no_description(answer) else Verdict.UNREACHABLE
            return Finding(verdict, origin, answer.error or "its desk publishes no description", result=answer)
        if found.signs:
            reason = self._refuse(connection, notice, found)
            if reason is not None:
                return Finding(Verdict.REFUTED, origin, reason, signs=True)
            return Finding(Verdict.CONFIRMED, origin, keys=found.keys, proof=Proof.SIGNATURE, signs=True)
        status, asked = self.connection_status(origin, connection.token_hash, str(notice.body["to"]))
        if status in _KNOWN:
            return Finding(Verdict.CONFIRMED, origin, proof=Proof.CALLBACK)
        if not is_no_description(asked):
            return Finding(Verdict.UNREACHABLE, origin, asked.error or "", result=asked)
        return Finding(Verdict.REFUTED, origin, "its desk does not know this request")

    def _desk_above(self, origin: str, answer: HttpResult) -> tuple[str | None, HttpResult]:
        """Find the desk to whose address the claimed one only adds a path, or why it is not known whether there is one.

        Without this look anybody could add a path to a desk's address, where no key of the desk denies them.
        """
        for parent in parents_of(origin):
            above = self.get(f"{parent}{DESCRIPTION_PATH}", _ACCEPT)
            if above.error is None and parse_description(above.body) is not None:
                return parent, answer
            if not is_no_description(above):
                answer = above
        return None, answer

    def _refuse(self, connection: Connection, notice: ConnectionNotice, found: PeerDescription) -> str | None:
        signed: Mapping[str, Any] | None = notice.body["signed"]
        if signed is None:
            return "its desk signs, and this request is not signed"
        at = parse_timestamp(connection.created_at)
        request = RawRequest(signed["method"], signed["path"], signed["headers"], b"", at)
        try:
            reason = self.refuse_signature(request, base_url=str(notice.body["to"]), keys=found.keys, checked_body=True)
        except UnknownKey:
            reason = "it names a key that its desk does not publish"
        return f"its desk did not sign it: {reason}" if reason else None
