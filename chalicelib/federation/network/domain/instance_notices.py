"""Notices that tell instances the decisions of this desk's operator."""

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
    """The subject of a notice."""

    AGENT_APPROVAL = "agent_approval"
    INSTANCE_STATUS = "instance_status"
    # Not sent: the desk at the registered address is asked whether the registration is its own.
    REGISTRATION = "registration"


class InstanceNoticeOutcome(StrEnum):
    """The outcome of a notice. It is superseded if the operator decides otherwise before it is delivered."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    GONE = "gone"
    SUPERSEDED = "superseded"


class InstanceNoticeJob(Out):
    """A message of the queue: an attempt at this notice is due."""

    notice_id: str


@dataclass(frozen=True)
class InstanceNotice:
    """A notice to an instance. `body` is the same at every attempt.

    The notice applies as long as its subject has this `status`. `remote_id` is the id of the agent at its instance, or
    None if the notice is about the instance.
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
    """The receiver of a notice, with the instance's own key; `status` is the present status of the subject."""

    base_url: str
    instance_key: str
    status: str | None


def agent_notice(notice_id: str, listing: Listing, *, at: str) -> InstanceNotice:
    """Return the notice of a decision on an agent."""
    content = {
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
        _json(content),
        at,
        next_attempt_at=at,
    )


def status_notice(notice_id: str, instance_id: str, status: str, *, at: str) -> InstanceNotice:
    """Return the notice of a decision on an instance."""
    content = {
        "event": str(InstanceNoticeKind.INSTANCE_STATUS),
        "instanceId": instance_id,
        "status": status,
        "timestamp": at,
    }
    return InstanceNotice(
        notice_id, instance_id, InstanceNoticeKind.INSTANCE_STATUS, status, None, _json(content), at, next_attempt_at=at
    )


def registration_notice(notice_id: str, instance_id: str, *, at: str) -> InstanceNotice:
    """Return the notice by which a worker asks the desk at a registered address for its proof."""
    return InstanceNotice(
        notice_id, instance_id, InstanceNoticeKind.REGISTRATION, "pending", None, "", at, next_attempt_at=at
    )


def notice_headers(notice: InstanceNotice, recipient: Recipient, *, source: str, at: datetime) -> Mapping[str, str]:
    """Return the headers of a notice: the instance's own key, and a signature made with it (Standard Webhooks)."""
    secret = base64.b64encode(recipient.instance_key.encode()).decode()
    return {
        **signature_headers(notice.notice_id, notice.body.encode(), at=at, secrets=[secret]),
        "X-Federation-Token": recipient.instance_key,
        "X-DiviDen-Event": str(notice.kind),
        "X-DiviDen-Source": source,
    }


def _json(content: Mapping[str, object]) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
