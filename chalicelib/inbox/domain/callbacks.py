"""Callbacks to source systems: their body, and the secrets that sign them."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.core.domain.fields import Out
from chalicelib.inbox.domain.clicks import Click
from chalicelib.inbox.domain.deliveries import Delivery

if TYPE_CHECKING:
    # Publishing imports this module for its click rows, and the import would slow every cold start.
    from chalicelib.people.domain.directory import Person


class CallbackJob(Out):
    """A job of the queue `callbacks`: this click has an attempt due. A probe is made even if its endpoint is paused."""

    delivery_id: str
    index: int
    is_probe: bool = False


@dataclass(frozen=True)
class SigningSecrets:
    """An integrator's secrets, unsealed. `prior` signs too until `prior_until`."""

    current: str
    prior: str | None = None
    prior_until: datetime | None = None

    def live(self, now: datetime) -> list[str]:
        """Return the secrets that sign at `now`, the current one first."""
        if self.prior is None or self.prior_until is None or now >= self.prior_until:
            return [self.current]
        return [self.current, self.prior]


def callback_body(click: Click, delivery: Delivery, clicker: "Person | None") -> bytes:
    """Return the body of a callback: the same at every attempt, unless the clicker's address changes."""
    clicked_by = {"userId": click.user_id} | ({"email": clicker.email} if clicker else {})
    message = {
        "type": "action.clicked",
        "timestamp": click.clicked_at,
        "data": {
            "actionId": click.action_id,
            "deliveryId": delivery.delivery_id,
            "eventId": delivery.content["event_id"],
            "eventType": delivery.event_type,
            "index": click.index,
            "label": delivery.content["actions"][click.index]["label"],
            "integrator": delivery.integrator,
            "clickedBy": clicked_by,
        },
    }
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
