"""Send the callbacks of action buttons to source systems, one attempt per message."""

from typing import Protocol

from chalicelib.core.domain.http_results import HttpResult
from chalicelib.core.domain.retries import CALLBACK_RETRIES, Outcome, is_due
from chalicelib.core.domain.signatures import signature_headers
from chalicelib.core.ports import Post
from chalicelib.core.services.attempts import AttemptRunner
from chalicelib.inbox.domain.callbacks import CallbackJob, SigningSecrets, callback_body
from chalicelib.inbox.domain.clicks import Click
from chalicelib.inbox.domain.endpoints import PROBE_RETRIES, origin_of
from chalicelib.inbox.domain.live_events import action_result_event
from chalicelib.inbox.services.endpoints import EndpointWatch
from chalicelib.inbox.services.ports import Deliveries
from chalicelib.live.services.ports import Notifier
from chalicelib.people.services.ports import People


class Secrets(Protocol):
    def get(self, slug: str) -> SigningSecrets: ...


def attempt_callback(
    job: CallbackJob,
    *,
    runner: AttemptRunner[Click, CallbackJob],
    deliveries: Deliveries,
    secrets: Secrets,
    people: People,
    post: Post,
    notifier: Notifier,
    watch: EndpointWatch,
) -> None:
    """Make the click's next attempt if one is due; a message that comes twice, late or early does no harm.

    An attempt that is made again after a crash has the same `webhook-id`. A receiver's failure is an outcome; only
    failures of our own stores raise. While the endpoint is paused the callback waits. Store and queue calls: 6, and 2
    to tell the clicker the outcome or 1 to announce the next attempt; 1 when no attempt is due; 3 when it waits; 1 or 2
    more where the endpoint begins or ends to fail.
    """
    detail, now = deliveries.find_buttons(job.delivery_id), runner.clock()
    click = detail.find_click(job.index) if detail else None
    if detail is None or click is None or not is_due(click.next_attempt_at, now):
        return
    delivery = detail.delivery
    url = delivery.buttons[click.index]["webhook_url"]
    endpoint = watch.endpoints.find(delivery.integrator, origin_of(url))
    if endpoint and endpoint.is_paused and not job.is_probe and watch.endpoints.hold(click, endpoint, now=now):
        return
    signers = secrets.get(delivery.integrator).live(now)
    body = callback_body(click, delivery, people.find_people([click.user_id]).get(click.user_id))
    headers = {**signature_headers(click.action_id, body, at=now, secrets=signers), "X-Request-Id": click.request_id}
    results: list[HttpResult] = []

    def send() -> HttpResult:
        results.append(post(url, body, headers))
        return results[-1]

    def conclude(result: HttpResult, _: Outcome) -> None:
        # Before the success is recorded: a worker that ends in between makes the attempt again.
        if result.error is None:
            watch.note_success(endpoint, now=runner.clock())

    ladder = PROBE_RETRIES if endpoint and endpoint.is_paused else CALLBACK_RETRIES
    next_job = CallbackJob(delivery_id=job.delivery_id, index=job.index)
    outcome = runner.run(click, next_job, ladder=ladder, at=now, send=send, conclude=conclude)
    for result in results:
        watch.note_failure(result, endpoint, integrator=delivery.integrator, origin=origin_of(url), now=runner.clock())
    if outcome is not None:
        notifier.notify(click.user_id, action_result_event(click, outcome), log_state=None, now=runner.clock())
