"""Settling connection requests by what their desk says of them: listed, connected, ended or dropped."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.core.domain.errors import RateLimited
from chalicelib.core.domain.fields import parse_timestamp, timestamp
from chalicelib.core.domain.http_results import HttpResult
from chalicelib.core.domain.retries import Attempt, Outcome
from chalicelib.core.services.attempts import Conclusion
from chalicelib.federation.connections.domain.confirmations import Finding, Verdict
from chalicelib.federation.connections.domain.connection_notices import ConnectionNotice, crossing_notice, end_notice
from chalicelib.federation.connections.domain.connections import HELD_FOR, Connection, ConnectionStatus
from chalicelib.federation.connections.domain.federation_settings import (
    FederationMode,
    FederationSettings,
    Unverified,
)
from chalicelib.federation.connections.domain.known_desks import addresses_of, is_remembered
from chalicelib.federation.connections.domain.transitions import Event, next_step, opening
from chalicelib.federation.connections.services.inquiries import Inquirer
from chalicelib.federation.connections.services.ports import Connections, Federation, HeldRequests, KnownDesks
from chalicelib.federation.connections.services.transitions import Ports, Queue, advance, announce
from chalicelib.live.services.ports import Notifier
from chalicelib.people.services.ports import People

_ATTEMPTS = 8
_REPLACED = "its desk confirmed another request of this person"
_OPEN = (ConnectionStatus.PENDING, ConnectionStatus.ACTIVE)


@dataclass(frozen=True)
class RequestSettler:
    """Settles requests that proved nothing when they came.

    The desk at the claimed address is asked first. What it confirms is listed, or active without approval, and takes
    the place of what others claimed in its name. What it denies ends. If it can't be asked, the settings decide; it is
    asked again later if it only was not there. Store and queue calls: 3, and 6 to release the request.
    """

    inquirer: Inquirer
    federation: Federation
    connections: Connections
    held: HeldRequests
    people: People
    queue: Queue
    notifier: Notifier
    clock: Callable[[], datetime]
    base_url: str
    known_desks: KnownDesks

    def settle(self, notice: ConnectionNotice, connection: Connection, *, message_id: str) -> HttpResult | Conclusion:
        """Ask, and carry out what the answer means; a repeat does no harm. Returns the outcome of the attempt."""
        finding = self._remember(self.inquirer.inquire(connection, notice), connection)
        rules, found = self.federation.find_settings(), self.connections.find(connection.connection_id)
        for _ in range(_ATTEMPTS):
            if found is None or not notice.kind.still_holds(found):
                return self._conclude(Outcome.GONE, "the request has ended")
            # TTL deletes late.
            if found.held and parse_timestamp(found.created_at) + HELD_FOR <= self.clock():
                self.held.drop(found)
                return self._conclude(Outcome.GONE, "nobody confirmed the request in time")
            try:
                done = self._apply(finding, found, rules, message_id)
            except RateLimited as refused:
                return HttpResult(None, refused.detail)
            if done:
                return self._outcome(finding)
            found = self.connections.find(connection.connection_id)
        raise RuntimeError(f"connection {connection.connection_id} is changed by too many calls at once")

    def _remember(self, finding: Finding, connection: Connection) -> Finding:
        """Note that the desk publishes keys; if it does not now, return what is known of it from before.

        Otherwise anybody could claim the address of a desk as that of a plain client while it is away. Store calls: 1.
        """
        if finding.signs:
            for origin in {finding.origin, connection.peer_url}:
                self.known_desks.note(origin, now=self.clock())
            return finding
        if finding.verdict not in (Verdict.UNVERIFIABLE, Verdict.UNREACHABLE):
            return finding
        seen_at = self.known_desks.find_last_seen(addresses_of(finding.origin))
        if not is_remembered(seen_at, finding.verdict, now=self.clock()):
            return finding
        result = HttpResult(None, f"its desk signs, and does not show its keys now: {finding.reason}")
        return replace(finding, verdict=Verdict.UNREACHABLE, result=result, signs=True)

    def _outcome(self, finding: Finding) -> HttpResult | Conclusion:
        match finding.verdict:
            case Verdict.UNREACHABLE if finding.result is not None:
                return finding.result
            case Verdict.REFUTED:
                return self._conclude(Outcome.GONE, finding.reason)
        return self._conclude(Outcome.DELIVERED, None)

    def _conclude(self, outcome: Outcome, error: str | None) -> Conclusion:
        return Conclusion(outcome, Attempt(timestamp(self.clock()), None, error, None))

    def _apply(self, finding: Finding, found: Connection, rules: FederationSettings, message_id: str) -> bool:
        """Carry out what was found; False if the connection has changed meanwhile."""
        is_refuted = finding.verdict is Verdict.REFUTED or self._is_cut(found, finding, rules)
        if found.held:
            if is_refuted:
                self.held.drop(found)
                return True
            return self._settle_held(finding, found, rules, message_id)
        if is_refuted:
            step = next_step(found, Event.REFUTED, now=self.clock(), reason=finding.reason)
            ports = Ports(self.connections, self.queue, self.notifier)
            return step is None or advance(step, ports=ports, message_id=message_id, now=self.clock())
        if finding.verdict is not Verdict.CONFIRMED:
            return True
        confirmed = found.changed(proof=finding.proof, now=self.clock())
        return self.held.confirm(confirmed, over=found, keys=finding.keys)

    def _is_cut(self, found: Connection, finding: Finding, rules: FederationSettings) -> bool:
        return not rules.inbound or rules.cuts(finding.origin) or rules.cuts(found.peer_url)

    def _settle_held(self, finding: Finding, found: Connection, rules: FederationSettings, message_id: str) -> bool:
        is_confirmed = finding.verdict is Verdict.CONFIRMED
        if not is_confirmed and (rules.mode is FederationMode.ALLOWLIST or rules.unverified is Unverified.REFUSE):
            if finding.verdict is Verdict.UNVERIFIABLE:
                self.held.drop(found)
            return True
        if not is_confirmed and finding.signs:
            # It is asked again, and until then nobody sees what may be a lie.
            return True
        known = found if not is_confirmed else replace(found, peer_url=finding.origin)
        # Whoever only claims must not learn who is here. So from here on a claim that is not listed stays held until it
        # expires: dropped, its repeat would be stored and asked about anew, and that of a listed one would not.
        person = self.people.find_person_by_email(found.user_email)
        if person is None or not person.active:
            return not is_confirmed or self._end(known, found, "Nobody at this desk has this email address.")
        known = replace(known, user_id=person.user_id, user_email=person.email, user_name=person.name)
        other = self.connections.find_pair(known.user_id, known.peer_url, known.asked_as)
        if other is not None and other.awaits_peer:
            return self._cross(found, known, other)
        if other is not None and other.status in _OPEN and not is_confirmed:
            # The first of several claims is listed, and what is confirmed is not disturbed by a claim.
            return True
        was_blocked = other is not None and other.status is ConnectionStatus.BLOCKED
        at_once = is_confirmed and not rules.approval and not was_blocked
        released = known.changed(
            held=False,
            proof=finding.proof,
            status=ConnectionStatus.ACTIVE if at_once else ConnectionStatus.PENDING,
            now=self.clock(),
        )
        return self._release(released, found, finding, other, message_id=message_id)

    def _release(
        self, released: Connection, found: Connection, finding: Finding, other: Connection | None, *, message_id: str
    ) -> bool:
        """Make the request the one that counts; what counted before ends."""
        now = self.clock()
        counts = other is not None and other.status in (*_OPEN, ConnectionStatus.BLOCKED)
        replaced = next_step(other, Event.REPLACED, now=now, reason=_REPLACED) if other is not None and counts else None
        stored = opening(released, message_id=message_id, now=now, released=True)
        done = self.held.release(
            released,
            over=found,
            keys=finding.keys,
            instead_of=other if counts else None,
            ended=replaced.after if replaced else None,
            notices=stored.notices,
            message=stored.message,
        )
        if done:
            announce(released, stored, queue=self.queue, notifier=self.notifier, now=now)
        return done

    def _cross(self, found: Connection, known: Connection, own: Connection) -> bool:
        """Settle a request that crossed one of this desk: the one of the desk whose URL sorts first counts."""
        ours, theirs = (self.base_url, own.user_email), (known.peer_url, known.asked_as)
        if known.peer_key is not None and ours < theirs:
            return True
        notice = crossing_notice(known, now=self.clock())
        done = self.held.end(known.changed(now=self.clock()), over=found, notice=notice)
        if done:
            self.queue.announce(notice.job)
        return done

    def _end(self, known: Connection, found: Connection, reason: str) -> bool:
        """End a confirmed request that can't be listed, and tell its desk why."""
        ended = known.changed(held=False, status=ConnectionStatus.DECLINED, reason=reason, now=self.clock())
        notice = end_notice(ended, now=self.clock())
        done = self.held.end(ended, over=found, notice=notice)
        if done:
            self.queue.announce(notice.job)
        return done
