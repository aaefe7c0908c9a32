"""Asking the desk at a registered address for the proof that the registration is its own."""

import hmac
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.http_results import HttpResult, json_object
from chalicelib.core.domain.retries import REGISTRATION_RETRIES, Attempt, Outcome, is_due
from chalicelib.core.ports import Get
from chalicelib.core.services.attempts import AttemptRunner, Conclusion
from chalicelib.federation.connections.domain.connections import Proof
from chalicelib.federation.network.domain.instance_notices import (
    InstanceNotice,
    InstanceNoticeJob,
    InstanceNoticeOutcome,
)
from chalicelib.federation.network.domain.instances import Instance, proof
from chalicelib.federation.network.services.ports import Instances, Registrations

CHALLENGE_PATH = "/.well-known/fluxden"
_ATTEMPTS = 8


@dataclass(frozen=True)
class Challenger:
    """Asks registered addresses for proofs. `own_url` is the public URL of this desk, which the proof is for."""

    get: Get
    own_url: str

    def ask(self, instance: Instance, nonce: str, *, key: str) -> HttpResult:
        """Ask the desk at the instance's address to prove that it has the key; the result is a failure if it did not.

        The question names this desk, since a desk answers for the hub that gave it the id, and for no other: a hub
        could pass a member's proof off as its own elsewhere. Makes one call.
        """
        if not self.own_url:
            return HttpResult.unsent("the public URL of this desk is not set (FLUXDEN_BASE_URL)")
        asked = urlencode({"challenge": nonce, "instanceId": instance.instance_id, "to": self.own_url})
        answer = self.get(f"{instance.base_url}{CHALLENGE_PATH}?{asked}", {"Accept": "application/json"})
        if answer.error is not None:
            return answer
        content = json_object(answer.body)
        given = content.get("instanceKeyProof") if content.get("challenge") == nonce else None
        if not isinstance(given, str) or not hmac.compare_digest(given.encode(), proof(nonce, key).encode()):
            return HttpResult(None, "it did not prove that it knows the instance's key")
        return answer


@dataclass(frozen=True)
class RegistrationConfirmer:
    """Confirms registrations: who confirms an address gets it, in place of all who only claim it."""

    challenger: Challenger
    instances: Instances
    registrations: Registrations
    runner: AttemptRunner[InstanceNotice, InstanceNoticeJob]
    nonce: str

    def attempt(self, notice: InstanceNotice, job: InstanceNoticeJob) -> None:
        """Ask once, if an attempt is due. A repeat does no harm.

        A registration whose desk does not answer stays as it is. Store calls: 4 if nothing is confirmed, 9 otherwise,
        and 1 for each registration that gives way.
        """
        now = self.runner.clock()
        if is_due(notice.next_attempt_at, now):
            ladder = REGISTRATION_RETRIES
            self.runner.run(notice, job, ladder=ladder, at=now, send=lambda: self._ask(notice.instance_id))

    def _ask(self, instance_id: str) -> HttpResult | Conclusion:
        now = self.runner.clock()
        found = self.instances.find(instance_id)
        if found is None or found.has_lapsed(now) or not found.is_pending:
            return Conclusion(InstanceNoticeOutcome.SUPERSEDED)
        answer = self.challenger.ask(found, self.nonce, key=self.instances.key_of(instance_id))
        if answer.error is not None:
            return answer
        if not self._confirm(instance_id):
            return Conclusion(InstanceNoticeOutcome.SUPERSEDED)
        self.registrations.drop_claims(found.base_url)
        return Conclusion(Outcome.DELIVERED, Attempt(timestamp(now), None, None, None))

    def _confirm(self, instance_id: str) -> bool:
        """Record the proof, and give the registration its address; False if an operator decided otherwise."""
        for _ in range(_ATTEMPTS):
            found = self.instances.find(instance_id)
            if found is None or not found.is_pending:
                return False
            claims = self.registrations.find(found.base_url, found.key_hash)
            if claims.is_decided:
                return False
            confirmed = replace(found, confirmed_by=Proof.CALLBACK)
            if self.registrations.confirm(confirmed, over=found, holder=claims.holder, now=self.runner.clock()):
                return True
        raise RuntimeError(f"instance {instance_id} is changed by too many calls at once")
