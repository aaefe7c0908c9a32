"""The list of integrators, for administrators."""

from datetime import UTC, datetime

from chalicelib.core.domain.fields import timestamp
from chalicelib.people.domain.directory import Integrator
from chalicelib.people.stores.directory import DynamoDirectory
from infra import demo
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api

PATH = "/api/v1/integrators"
CREATED = "2026-05-21T12:00:00.000Z"


def test_administrator_sees_every_integrator_by_slug(api: Api, desk: Desk) -> None:
    described = Integrator(inputs.uuid(1), "ci", "Build farm", "ci.", CREATED, "https://ci.example.com", "Builds.")
    DynamoDirectory().add_integrator(described)
    reply = api.get(PATH, desk.fd1)
    assert reply.status == 200
    assert [each["slug"] for each in reply.json["items"]] == ["ci", "fd1", "hr"]
    assert (reply.json["totalCount"], reply.json["requestId"]) == (3, reply.headers["x-request-id"])
    assert reply.json["items"][0] == {
        "id": inputs.uuid(1),
        "slug": "ci",
        "name": "Build farm",
        "allowedEventPrefix": "ci.",
        "homepageUrl": "https://ci.example.com",
        "description": "Builds.",
        "createdAt": CREATED,
    }
    plain = reply.json["items"][1]
    assert (plain["id"], plain["homepageUrl"], plain["description"]) == (
        demo.identifier("integrator", "fd1"),
        None,
        None,
    )


def test_archived_integrator_is_not_listed(api: Api, desk: Desk) -> None:
    DynamoDirectory().archive_integrator("hr", at=CREATED)
    DynamoDirectory().archive_integrator("hr", at=timestamp(datetime.now(UTC)))
    assert [each["slug"] for each in api.get(PATH, desk.fd1).json["items"]] == ["fd1"]
    archived = DynamoDirectory().find_integrator("hr")
    assert archived is not None and archived.archived_at == CREATED


def test_only_an_administrators_tools_token_may_list(api: Api, desk: Desk) -> None:
    for token in (desk.hr, desk.alice, desk.alice_key):
        assert api.get(PATH, token).status == 403
    assert api.get(PATH).status == 401


def test_list_takes_two_calls(api: Api, desk: Desk) -> None:
    api.get(PATH, desk.fd1)
    assert api.get(PATH, desk.fd1).calls == ["UpdateItem", "Query"]
    api.get(PATH, desk.hr)
    assert api.get(PATH, desk.hr).calls == ["UpdateItem"]
