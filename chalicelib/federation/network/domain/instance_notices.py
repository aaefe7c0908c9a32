"""Notices to instances of what our operator has decided: stored first, then sent until one is taken."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chalicelib.core.domain.fields import Out
from chalicelib.core.domain.retries import Attempt
from chalicelib.core.domain.signatures import signature_headers
from chalicelib.federation.network.domain.marketplace import Listing

PATH = "/api/marketplace/webhook"


class InstanceNoticeKind(StrEnum):
    """What a notice is about."""

    AGENT_APPROVAL = "agent_approval"
    INSTANCE_STATUS = "instance_status"


class InstanceNoticeOutcome(StrEnum):
    """What became of a notice; superseded when something else was decided before it was taken."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    GONE = "gone"
    SUPERSEDED = "superseded"


class InstanceNoticeJob(Out):
    """The queue's message: this notice has an attempt due."""

    notice_id: str


@dataclass(frozen=True)
class InstanceNotice:
    """One notice. `body` is what is sent, the same at every attempt.

    It holds as long as what it is about still has the `status` it tells; `remote_id` is the agent's id on its
    instance, None when it is about the instance.
    """

    notice_id: str
    instance_id: str
    kind: InstanceNoticeKind
    status: str
    remote_id: str | None
    body: str
    created_at: str
    outcome: InstanceNoticeOutcome = InstanceNoticeOutcome.PENDING
    next_attempt_at: str | None = None
    attempts: Sequence[Attempt] = ()


@dataclass(frozen=True)
class Recipient:
    """Where a notice goes, with the instance's own key; `status` is how what it is about stands now."""

    base_url: str
    instance_key: str
    status: str | None


def agent_notice(notice_id: str, listing: Listing, *, at: str) -> InstanceNotice:
    """That the operator has decided on an agent."""
    said = {
        "event": str(InstanceNoticeKind.AGENT_APPROVAL),
        "agentId": listing.remote_id,
        "marketplaceId": listing.marketplace_id,
        "name": listing.name,
        "slug": listing.slug,
        "status": str(listing.status),
        "reason": listing.reason,
        "timestamp": at,
    }
    return InstanceNotice(
        notice_id,
        listing.instance_id,
        InstanceNoticeKind.AGENT_APPROVAL,
        str(listing.status),
        listing.remote_id,
        _json(said),
        at,
        next_attempt_at=at,
    )


def status_notice(notice_id: str, instance_id: str, status: str, *, at: str) -> InstanceNotice:
    """That the operator has decided on an instance."""
    said = {
        "event": str(InstanceNoticeKind.INSTANCE_STATUS),
        "instanceId": instance_id,
        "status": status,
        "timestamp": at,
    }
    return InstanceNotice(
        notice_id, instance_id, InstanceNoticeKind.INSTANCE_STATUS, status, None, _json(said), at, next_attempt_at=at
    )


def notice_headers(notice: InstanceNotice, recipient: Recipient, *, source: str, at: datetime) -> Mapping[str, str]:
    """What comes with the body: the instance's own key, and a signature made with it (Standard Webhooks)."""
    secret = base64.b64encode(recipient.instance_key.encode()).decode()
    return {
        **signature_headers(notice.notice_id, notice.body.encode(), at=at, secrets=[secret]),
        "X-Federation-Token": recipient.instance_key,
        "X-DiviDen-Event": str(notice.kind),
        "X-DiviDen-Source": source,
    }


def _json(said: Mapping[str, object]) -> str:
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))
