"""Calls of the board that its tests share."""

from typing import Any

from tests.support.api import Answer, Api

KANBAN = "/api/v2/kanban"


def create(api: Api, token: str, **wanted: Any) -> dict[str, Any]:
    reply = api.post(KANBAN, {"title": "Call Acme"} | wanted, token)
    assert reply.status == 201, reply.text
    made: dict[str, Any] = reply.json["data"]
    return made


def patch(api: Api, token: str, path: str, body: Any, **more: Any) -> Answer:
    return api.call("PATCH", f"{KANBAN}/{path}", body, token=token, **more)


def delete(api: Api, token: str, path: str, **more: Any) -> Answer:
    return api.call("DELETE", f"{KANBAN}/{path}", token=token, **more)


def read(api: Api, token: str, card_id: str) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"{KANBAN}/{card_id}", token).json["data"]
    return found


def listed(api: Api, token: str, query: str = "") -> list[dict[str, Any]]:
    reply = api.get(f"{KANBAN}?limit=200&{query}".rstrip("&"), token)
    assert reply.status == 200, reply.text
    data = reply.json["data"]
    assert data["pagination"]["total"] == len(data["cards"])
    return list(data["cards"])


def titles(api: Api, token: str, query: str = "") -> list[str]:
    return [card["title"] for card in listed(api, token, query)]
