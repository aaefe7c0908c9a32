"""API calls with a person's credentials."""

from dataclasses import dataclass
from typing import Any

from tests.support import inputs
from tests.support.started_desk import StartedDesk


@dataclass
class Caller:
    """A person of the demo organisation."""

    system: StartedDesk
    name: str = "alice"

    @property
    def key(self) -> str:
        return str(self.system.demo["api_keys"][self.name])

    def publish(self, **event: Any) -> str:
        """Publish an event to the person, and return the delivery id."""
        return str(self.publish_answer(**event)["deliveryId"])

    def publish_answer(self, **event: Any) -> dict[str, Any]:
        """Publish an event to the person, and return the response."""
        token = self.system.demo["personal_tokens"][self.name]
        answer = self.system.call("POST", "/api/v1/events", inputs.new_event(**event), token)
        assert answer.status in (200, 202), answer.body
        published: dict[str, Any] = answer.json
        return published

    def update_event(self, delivery_id: str, operation: str, body: dict[str, Any]) -> None:
        token = self.system.demo["personal_tokens"][self.name]
        answer = self.system.call("POST", f"/api/v1/events/{delivery_id}/{operation}", body, token)
        assert answer.status < 300, answer.body

    def call_v2(self, method: str, path: str, body: Any = None) -> Any:
        """Call API v2 with the person's key, and return the data of the response."""
        answer = self.system.call(method, f"/api/v2{path}", body, self.key)
        assert answer.status < 300, answer.body
        return answer.json["data"]

    def change_delivery(self, delivery_id: str, state: dict[str, Any]) -> None:
        """Change the state of one of the person's deliveries, as another client would."""
        answer = self.system.call("PATCH", f"/api/v1/inbox/{delivery_id}", state, self.key)
        assert answer.status == 200, answer.body

    def saved_views(self) -> dict[str, Any]:
        """Return the person's saved views of the inbox, with their counts and their version."""
        answer = self.system.call("GET", "/api/v1/inbox/views", None, self.key)
        assert answer.status == 200, answer.body
        views: dict[str, Any] = answer.json
        return views

    def save_views(self, views: list[dict[str, Any]]) -> None:
        """Replace the person's saved views, those of a test that ran before too."""
        body = {"views": views, "version": self.saved_views()["version"]}
        answer = self.system.call("PUT", "/api/v1/inbox/views", body, self.key)
        assert answer.status == 200, answer.body
