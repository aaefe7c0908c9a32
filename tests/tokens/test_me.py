"""GET /api/v2/me: the signed-in person."""

from tests.conftest import Desk
from tests.support.api import Api


def test_me_shows_the_signed_in_person_in_two_store_calls(api: Api, desk: Desk) -> None:
    api.call(
        "PATCH", "/api/v2/profile", {"timezone": "Asia/Tokyo", "languages": ["日本語", "ja"]}, token=desk.alice_key
    )
    answer = api.get("/api/v2/me", desk.alice_key)
    me = answer.json["data"]
    assert answer.steps == 2
    assert (me["id"], me["name"], me["email"]) == (desk.user_id("alice"), "Alice", "alice@example.com")
    assert (me["operator"], me["locale"], me["timezone"]) == (True, "ja", "Asia/Tokyo")
    assert (me["webPush"], me["key"]["permissions"]) == ({"available": True, "subscriptions": 0}, "all")
    assert me["urls"] == {"base": "http://desk.test", "socket": None}
    assert api.get("/api/v2/me", desk.bob_key).json["data"]["operator"] is False
