"""The member's side of a network: joining a hub, sending heartbeats and leaving."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.core.domain.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from chalicelib.core.domain.http_results import HttpResult, require_success
from chalicelib.core.ports import Post
from chalicelib.federation.network.domain.membership import (
    HEARTBEAT_PATH,
    REGISTER_PATH,
    Membership,
    MembershipStatus,
    RegistrationAnswer,
    heartbeat,
    next_slot,
    outcome_of,
    parse_registration,
    registration,
)
from chalicelib.federation.network.services.ports import Hubs, ReportedCounts

log = logging.getLogger("fluxden")

_HUBS_PER_RUN = 16
_FORBIDDEN = 403


@dataclass(frozen=True)
class OwnInstance:
    """This desk as it describes itself: its public URL and its version."""

    url: str
    version: str


def join(
    hub_url: str,
    name: str,
    key: str,
    *,
    own: OwnInstance,
    now: datetime,
    hubs: Hubs,
    counts: ReportedCounts,
    post: Post,
) -> RegistrationAnswer:
    """Register at a hub, or register again with the same key; `key` is for the first time. The hub may approve later.

    The key is stored before the request, so joining again repairs a join whose answer was lost.

    Raises:
        Invalid: the public URL of this desk is not set.
        Forbidden: the hub refused: it knows this desk's URL with another key, or takes nothing from it.
        Unavailable: the hub did not answer like a hub.
        Conflict: this desk has joined or left meanwhile, or another hub gave it the same id; or the hub is blocked.
    """
    if not own.url:
        raise Invalid("The hub needs the public URL of this desk. Set FLUXDEN_BASE_URL.")
    membership, key = hubs.prepare(hub_url, name, key)
    people, agents = counts.count_people(), counts.count_installed()
    body = registration(membership, own_url=own.url, key=key, version=own.version, people=people, agents=agents)
    answer = require_success(post(f"{hub_url}{REGISTER_PATH}", body, {"Accept": "application/json"}))
    if not answer.sent:
        raise Conflict(f"The registration was {answer.error}. Unblock it first.")
    if answer.status == _FORBIDDEN:
        raise Forbidden(
            f"The hub refused this desk: {answer.error}. It knows its URL with another key, has blocked it, or accepts "
            "nothing from other desks. Ask the hub's operator."
        )
    if answer.error is not None:
        raise Unavailable(f"The hub did not accept the registration: {answer.error}. Join again later.")
    registration_answer = parse_registration(answer)
    if registration_answer is None:
        raise Unavailable("The answer is not a registration. Check that this is the URL of a hub.")
    if not hubs.join(membership, key, registration_answer, now=now):
        raise Conflict("The membership has changed meanwhile, or another hub uses the same id. Join again.")
    return registration_answer


def leave(hub_url: str | None, *, hubs: Hubs) -> Membership:
    """Leave the given hub, or the only one. The hub is not notified, and finds this desk stale.

    Raises:
        NotFound: this desk is not a member there.
        Invalid: there are several hubs, and none is given.
        Conflict: the membership has changed meanwhile.
    """
    joined = [each for each in hubs.list_memberships() if each.status is not MembershipStatus.LEFT]
    wanted = [each for each in joined if hub_url in (None, each.hub_url)]
    if not wanted:
        raise NotFound(
            "This desk is not a member of any network."
            if hub_url is None
            else f"This desk is not a member at {hub_url}."
        )
    if len(wanted) > 1:
        raise Invalid("This desk is a member at several hubs. Name one.")
    if not hubs.leave(wanted[0]):
        raise Conflict("The membership has changed meanwhile. Check it and try again.")
    return wanted[0]


@dataclass(frozen=True)
class HeartbeatSender:
    """Sends the heartbeats that are due."""

    own: OwnInstance
    hubs: Hubs
    counts: ReportedCounts
    post: Post
    clock: Callable[[], datetime]
    gather: Callable[..., list[Any]]

    def send_due(self, now: datetime) -> int:
        """Send the heartbeats that are due, to several hubs in parallel, and return how many.

        Store calls in sequence: 4, and 1 if none is due. Runs may overlap, since each heartbeat is taken by one run.
        A failure is recorded, and the next heartbeat is due as usual.
        """
        due = self.hubs.list_due(now=now, limit=_HUBS_PER_RUN)
        if not due:
            return 0
        takes = [self._taking(hub_url, due_at, now) for hub_url, due_at in due]
        people, agents, *taken = self.gather(self.counts.count_people, self.counts.count_installed, *takes)
        body = heartbeat(version=self.own.version, people=people, agents=agents)
        own_memberships = [each for each in taken if each is not None]
        self.gather(*(self._sending(membership, sealed, body) for membership, sealed in own_memberships))
        return len(own_memberships)

    def _taking(self, hub_url: str, due_at: str, now: datetime) -> Callable[[], tuple[Membership, str] | None]:
        until = next_slot(hub_url, self.own.url, after=now)
        return lambda: self.hubs.take(hub_url, due_at, until=until)

    def _sending(self, membership: Membership, sealed: str, body: bytes) -> Callable[[], None]:
        return lambda: self._send(membership, sealed, body)

    def _send(self, membership: Membership, sealed: str, body: bytes) -> None:
        try:
            headers = {
                "Accept": "application/json",
                "Authorization": f"Bearer {self.hubs.token_of(membership, sealed)}",
            }
            answer = require_success(self.post(f"{membership.hub_url}{HEARTBEAT_PATH}", body, headers))
        except ValueError as error:
            answer = HttpResult(None, str(error))
        now = self.clock()
        outcome = outcome_of(answer, membership, own_url=self.own.url, now=now)
        self.hubs.record(membership, outcome, now=now)
        if outcome.error is not None:
            details = {"hub": membership.hub_url, "failures": membership.failures + 1, "error": outcome.error}
            log.warning("hub_heartbeat_failed", extra=details)
