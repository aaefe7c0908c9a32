"""The public descriptions of this desk."""

import pytest

from chalicelib.federation.connections.stores.federation_settings import DynamoFederation
from chalicelib.settings import settings
from tests.conftest import Desk
from tests.federation.network.network_calls import CARD, WELL_KNOWN
from tests.support.api import Api
from tests.support.instances import run_admin
from tests.support.peer import BASE_URL, RELAY


def status_of(api: Api, path: str) -> int:
    posted = not path.startswith(("/.well-known", "/api/v2/docs", "/api/v2/network"))
    return api.post(path, {}).status if posted else api.get(path).status


def test_a_desk_publishes_its_keys_endpoints_and_capabilities(api: Api, desk: Desk) -> None:
    own = DynamoFederation().find_key().public
    reply = api.get(WELL_KNOWN)
    assert reply.steps == 1
    assert reply.json["keys"] == [{"keyId": own.key_id, "algorithm": "ed25519", "publicKey": own.public_key}]
    assert reply.json["capabilities"] == {
        "connectionRequests": "closed",
        "relays": True,
        "signatures": ["rfc9421-ed25519", "hmac-sha256"],
    }
    run_admin("federation", "set", "--mode", "open", "--inbound", "off")
    assert api.get(WELL_KNOWN).json["capabilities"]["connectionRequests"] == "closed", "as nothing is taken"
    served = {path.removeprefix(BASE_URL) for path in reply.json["endpoints"].values()}
    assert {status_of(api, path) for path in served} <= {200, 400, 403, 401}, "each is there"


def test_a_rotated_key_is_published_with_the_one_before(api: Api, desk: Desk) -> None:
    first = DynamoFederation().find_key()
    second, third = (run_admin("federation", "rotate-key").split()[-1].rstrip(".") for _ in range(2))
    published = [each["keyId"] for each in api.get(WELL_KNOWN).json["keys"]]
    assert published == [third, second]
    assert DynamoFederation().find_key().key_id == third
    assert first.key_id not in published


def test_a_desk_that_keeps_no_secrets_publishes_no_key(api: Api, tables: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLUXDEN_SECRET_KEY", "")
    monkeypatch.setenv("FLUXDEN_BASE_URL", "")
    settings.cache_clear()
    said = api.get(WELL_KNOWN).json
    assert (said["software"], said["keys"], "endpoints" in said) == ("fluxden", [], False)
    assert api.get(CARD).status == 404


def test_the_agent_card_lists_only_what_is_served(api: Api, desk: Desk) -> None:
    reply = api.get(CARD)
    assert (reply.status, reply.calls) == (200, [])
    assert reply.headers["cache-control"] == "public, max-age=300"
    assert api.get(CARD, headers={"If-None-Match": reply.headers["etag"]}).status == 304
    card = reply.json
    required = {
        "name",
        "description",
        "supportedInterfaces",
        "version",
        "capabilities",
        "defaultInputModes",
        "defaultOutputModes",
        "skills",
    }
    assert required <= set(card)
    (interface,) = card["supportedInterfaces"]
    assert interface["url"] == f"{BASE_URL}{RELAY}"
    assert interface["protocolBinding"] not in {"JSONRPC", "GRPC", "HTTP+JSON"}
    assert card["capabilities"]["extensions"][0]["required"] is True
    (requirement,) = card["securityRequirements"]
    (scheme,) = requirement["schemes"]
    assert card["securitySchemes"][scheme]["apiKeySecurityScheme"]["name"] == "X-Federation-Token"
    assert all({"id", "name", "description", "tags"} <= set(each) for each in card["skills"])
