"""A company's directory as a client of SCIM."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from chalicelib.ids import TokenKind, mint_token
from chalicelib.tokens.stores.scim_tokens import DynamoScimTokens
from tests.support.api import Answer, Api

USERS, GROUPS, BULK = "/scim/v2/Users", "/scim/v2/Groups", "/scim/v2/Bulk"
USER_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
MEDIA_TYPE = "application/scim+json"


def new_scim_token(name: str = "Entra") -> str:
    token = mint_token(TokenKind.SCIM, str(uuid4()))
    DynamoScimTokens().add(token, name, now=datetime.now(UTC))
    return token.text


def new_user(email: str = "frank@example.com", **more: Any) -> dict[str, Any]:
    return {"schemas": [USER_SCHEMA], "userName": email, "externalId": "ext-1", "displayName": "Frank Moss"} | more


def new_group(name: str = "Engineering", *members: str, **more: Any) -> dict[str, Any]:
    found = [{"value": each} for each in members]
    return {"schemas": [GROUP_SCHEMA], "displayName": name, "members": found} | more


def patch(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": [PATCH], "Operations": list(operations)}


class Directory:
    """One directory, with its token."""

    def __init__(self, api: Api) -> None:
        self.api, self.token = api, new_scim_token()

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        sent = {"Authorization": f"Bearer {self.token}", "Content-Type": MEDIA_TYPE}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.api.call(method, path, body, headers=sent | named)

    def get(self, path: str, **headers: str) -> Answer:
        return self.call("GET", path, **headers)

    def add_user(self, email: str = "frank@example.com", **more: Any) -> str:
        made = self.call("POST", USERS, new_user(email, **more))
        assert made.status == 201, made.text
        return str(made.json["id"])

    def add_group(self, name: str = "Engineering", *members: str, **more: Any) -> str:
        made = self.call("POST", GROUPS, new_group(name, *members, **more))
        assert made.status == 201, made.text
        return str(made.json["id"])

    def change(self, path: str, *operations: dict[str, Any], **headers: str) -> Answer:
        return self.call("PATCH", path, patch(*operations), **headers)

    def find(self, path: str, filter_: str) -> list[Any]:
        """Return the resources that a filter selects."""
        found = self.get(f"{path}?filter={quote(filter_)}")
        assert found.status == 200, found.text
        resources: list[Any] = found.json.get("Resources", [])
        assert found.json["totalResults"] == len(resources)
        return resources
