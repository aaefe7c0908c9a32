"""Telling connected desks what they are to know: one attempt at a time, until one is accepted or the ladder ends."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from math import ceil
from typing import Any, Protocol

from chalicelib.domain.callbacks import EARLY, GRACE, LEASE, Answer, judge
from chalicelib.domain.clicks import Attempt, Outcome
from chalicelib.domain.fields import parse_timestamp, timestamp
from chalicelib.domain.peer_notices import Notice, NoticeJob, NoticeKind
from chalicelib.domain.peering import DIGEST_HEADER, TOKEN_HEADER, Peering, PeeringStatus, PeerKey
from chalicelib.domain.signatures import body_digest


class Notices(Protocol):
    def find(self, job: NoticeJob) -> Notice | None: ...
    def lease(self, notice: Notice, lease_id: str, *, now: datetime, until: datetime) -> bool: ...
    def record(
        self, notice: Notice, lease_id: str, *, outcome: Outcome, attempt: Attempt, due_at: datetime | None
    ) -> bool: ...


class Peers(Protocol):
    def find(self, connection_id: str) -> Peering | None: ...
    def token_of(self, peering: Peering) -> str: ...


class Federation(Protocol):
    def find_key(self) -> Any: ...


class Queue(Protocol):
    def announce(self, job: NoticeJob, *, delay: int = 0) -> None: ...


class Post(Protocol):
    def __call__(self, url: str, body: bytes, headers: Mapping[str, str], /) -> Answer: ...


class Sign(Protocol):
    def __call__(
        self, method: str, url: str, body: bytes, *, destination: str, key: Any, at: datetime
    ) -> Mapping[str, str]: ...


def peer_headers(
    peering: Peering, url: str, body: bytes, *, token: str, at: datetime, federation: Federation, sign: Sign
) -> dict[str, str]:
    """By what a peer knows us, and that nobody changed `body` on its way to `url`. Store calls: 1 for a Fluxden desk.

    Fluxden desks are those that have told a key, or publish some. Others are shown the token, and its digest where the
    connection has that on.
    """
    headers = {TOKEN_HEADER: token}
    if peering.hmac_enabled:
        headers[DIGEST_HEADER] = body_digest(body, token)
    if peering.keys:
        headers |= sign("POST", url, body, destination=peering.peer_url, key=federation.find_key(), at=at)
    return headers


def attempt(
    job: NoticeJob,
    *,
    clock: Callable[[], datetime],
    lease_id: str,
    spread: float,
    longest_delay: int,
    base_url: str,
    notices: Notices,
    peers: Peers,
    federation: Federation,
    post: Post,
    sign: Sign,
    queue: Queue,
) -> None:
    """Make the notice's next attempt, if one is due; a message that comes twice, late or early does no harm.

    The attempt is taken by a lease before and recorded after its POST. A peer's failure is an outcome; only our own
    stores' raises. Nothing goes over a connection that is not active any more. Store and queue calls: 6, for a
    Fluxden desk 1 more, and 1 to announce the next; for a message that is none of its time 1.
    """
    notice, now = notices.find(job), clock()
    if notice is None or not _is_due(notice, now):
        return
    peering = peers.find(notice.connection_id)
    if peering is None or not notices.lease(notice, lease_id, now=now, until=now + LEASE):
        return
    if peering.status is not PeeringStatus.ACTIVE:
        made = Attempt(timestamp(now), None, f"the connection is {peering.status}", None)
        notices.record(notice, lease_id, outcome=Outcome.GONE, attempt=made, due_at=None)
        return
    body = _body(notice, peering, base_url, federation)
    url, token = f"{peering.peer_url}{notice.kind.path}", peers.token_of(peering)
    headers = peer_headers(peering, url, body, token=token, at=now, federation=federation, sign=sign)
    answer = post(url, body, headers)
    ended = clock()
    outcome, made = judge(answer, len(notice.attempts) + 1, at=now, now=ended, spread=spread)
    due_at = parse_timestamp(made.next_attempt_at) if made.next_attempt_at else None
    delay = ceil((due_at - ended).total_seconds()) if due_at else None
    announced = delay is not None and delay <= longest_delay
    if due_at and announced:
        due_at += GRACE
    if notices.record(notice, lease_id, outcome=outcome, attempt=made, due_at=due_at) and announced and delay:
        queue.announce(job, delay=delay)


def _body(notice: Notice, peering: Peering, base_url: str, federation: Federation) -> bytes:
    said = dict(notice.body)
    if notice.kind is NoticeKind.ACCEPTED:
        said["instanceUrl"] = base_url
        if peering.peer_key is not None:
            own: PeerKey = federation.find_key().public
            said["fluxden"] = {"keyId": own.key_id, "publicKey": own.public_key}
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def _is_due(notice: Notice, now: datetime) -> bool:
    return notice.next_attempt_at is not None and notice.next_attempt_at <= timestamp(now + EARLY)
