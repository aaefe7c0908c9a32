"""List, pause and resume endpoints of callbacks, and replay callbacks, for administrators and integrators."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from chalicelib.core.domain.errors import Conflict, Invalid, NotFound
from chalicelib.core.domain.fields import is_uuid, timestamp
from chalicelib.core.ports import JobAnnouncer
from chalicelib.inbox.domain.endpoint_messages import EndpointOut, ReplayOut, to_endpoint_out, to_replay_out
from chalicelib.inbox.domain.endpoints import MOST_PAUSED, Endpoint, PausedBy
from chalicelib.inbox.domain.replays import MOST_DAYS, Replay, ReplayJob, is_range
from chalicelib.inbox.services.endpoints import Endpoints, resume_endpoint
from chalicelib.inbox.services.replays import CallbackReplays
from chalicelib.parallel import gather


@dataclass(frozen=True)
class EndpointAdmin:
    """Changes endpoints. `request_id` is in the replies of v1."""

    endpoints: Endpoints
    replays: CallbackReplays
    queue: JobAnnouncer[ReplayJob]
    now: datetime
    request_id: str | None = None

    def list_endpoints(self, integrator: str | None) -> list[EndpointOut]:
        """List those that fail or are paused. Store calls in sequence: 1, and 1 if some are paused."""
        found = self.endpoints.list_of(integrator)
        paused = [each for each in found if each.is_paused]
        counts: list[int] = gather(*(partial(self.endpoints.count_waiting, each) for each in paused)) if paused else []
        waiting = {(each.integrator, each.origin): count for each, count in zip(paused, counts, strict=True)}
        return [to_endpoint_out(each, waiting.get((each.integrator, each.origin))) for each in found]

    def pause(self, integrator: str, origin: str, *, by: PausedBy) -> EndpointOut:
        """Pause an endpoint until somebody resumes it. One that a person has paused stays as it is. Store calls: 2.

        Raises:
            Conflict: too many endpoints of the integrator are paused.
        """
        listed = self.endpoints.list_of(integrator)
        known = next((each for each in listed if each.origin == origin), None) or Endpoint(integrator, origin)
        if known.is_paused and not known.is_probed:
            return self._out(known)
        if sum(each.is_paused for each in listed) >= MOST_PAUSED:
            raise Conflict(f"{MOST_PAUSED} endpoints of this integrator are paused. Resume one first.")
        paused = replace(known, paused_at=timestamp(self.now), paused_by=by, next_probe_at=None)
        if not self.endpoints.pause(paused):
            paused = self.endpoints.find(integrator, origin) or paused
        return self._out(paused)

    def resume(self, integrator: str, origin: str) -> EndpointOut:
        """End a pause, and send what waits. An endpoint that is not paused stays as it is.

        Store and queue calls: 1, and 2 if it is paused.
        """
        known = self.endpoints.find(integrator, origin)
        if known is None or not known.is_paused:
            return self._out(known or Endpoint(integrator, origin))
        resume_endpoint(known, now=self.now, endpoints=self.endpoints, queue=self.queue)
        return self._out(Endpoint(integrator, origin))

    def replay(self, integrator: str, origin: str, *, since: datetime, until: datetime | None) -> ReplayOut:
        """Have the callbacks that failed in a range sent again. The same range is the same replay.

        Store and queue calls: 2.

        Raises:
            Invalid: the range ends in the future, or is too long.
        """
        until = until or self.now
        if until > self.now:
            raise Invalid("until must not be in the future.", {"until": ["must not be in the future"]})
        if not is_range(since, until):
            days = f"must be in the past, at most {MOST_DAYS} days ago"
            raise Invalid(f"since {days}.", {"since": [days]})
        replay = Replay.of_failed(integrator, origin, since=since, until=until, now=self.now)
        begun = self.replays.begin(replay, now=self.now)
        self.queue.announce(ReplayJob(replay_id=begun.replay_id))
        return to_replay_out(begun, request_id=self.request_id)

    def get_replay(self, replay_id: str, *, integrator: str | None = None) -> ReplayOut:
        """Return how far a replay is. Store calls: 1.

        Raises:
            NotFound: there is no such replay, or it is another integrator's.
        """
        replay = self.replays.find(replay_id.lower()) if is_uuid(replay_id) else None
        if replay is None or integrator not in (None, replay.integrator):
            raise NotFound("Replay not found.")
        return to_replay_out(replay, request_id=self.request_id)

    def _out(self, endpoint: Endpoint) -> EndpointOut:
        return to_endpoint_out(endpoint, None, request_id=self.request_id)
