"""Every address that another desk sends is an email address by the rule of the desk's own forms."""

import itertools
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError
from pydantic.alias_generators import to_camel

from chalicelib.federation.relays.domain.relay_messages import RelayIn
from tests.conftest import Desk
from tests.federation.connections.test_admission_table import INGRESS
from tests.support.api import Api
from tests.support.peer import CONNECTIONS, RELAY, allow_federation, connection_request
from tests.support.sample_requests import ROUTES_BY_NAME

# A recipient that a relay names is looked up and never stored; any other text means the person who is connected.
_LOOKED_UP = (RelayIn, "toUserEmail")
NO_ADDRESSES = ["Sam", "sam@", "@x.example", "sam@x.example\nBcc: a@b.example", "s am@x.example", "a\u202e@x.example"]
MODELS: list[type[BaseModel]] = [
    body for name in INGRESS if isinstance(body := ROUTES_BY_NAME[name].body, type) and issubclass(body, BaseModel)
]
ADDRESSES = [
    (model, field.alias or to_camel(name))
    for model in MODELS
    for name, field in model.model_fields.items()
    if "email" in name and (model, to_camel(name)) != _LOOKED_UP
]


def test_the_law_has_every_address() -> None:
    assert sorted(name for _, name in ADDRESSES) == [
        "acceptedByEmail",
        "fromUserEmail",
        "fromUserEmail",
        "toUserEmail",
    ]


@pytest.mark.parametrize(("case", "text"), list(itertools.product(ADDRESSES, NO_ADDRESSES)))
def test_what_is_no_address_is_refused(case: tuple[type[BaseModel], str], text: str) -> None:
    model, name = case
    with pytest.raises(ValidationError) as refused:
        model.model_validate(connection_request() | {name: text})
    assert [each["loc"] for each in refused.value.errors()] == [(name,)]


@pytest.mark.parametrize("name", ["fromUserEmail", "toUserEmail"])
def test_a_refusal_names_the_field_and_stores_nothing(api: Api, desk: Desk, name: str) -> None:
    allow_federation()
    refused = api.post(CONNECTIONS, connection_request(**{name: "Sam\u202e"}))
    assert (refused.status, name in refused.json["error"]) == (400, True)
    assert "Sam" not in str(own(api, desk))


def test_an_address_may_have_blanks_around_it_and_letters_of_every_script(api: Api, desk: Desk) -> None:
    allow_federation()
    assert api.post(CONNECTIONS, connection_request(fromUserEmail=" jörg@пример.example ")).status == 200
    assert "jörg@пример.example" in [each["peerUserEmail"] for each in own(api, desk)]


def test_a_relay_may_leave_its_addresses_empty(api: Api, desk: Desk) -> None:
    token = {"X-Federation-Token": str(desk.demo["federation"]["federation_token"])}
    relay = {"subject": "x", "fromUserEmail": "", "toUserEmail": ""}
    assert api.post(RELAY, relay, headers=token).status == 200
    assert api.post(RELAY, relay | {"fromUserEmail": "alice"}, headers=token).status == 400
    assert api.post(RELAY, relay | {"toUserEmail": "nobody"}, headers=token).json["fallback"] is True


def own(api: Api, desk: Desk) -> list[Any]:
    found: list[Any] = api.get(f"{CONNECTIONS}?status=all", desk.alice_key).json["connections"]
    return found
