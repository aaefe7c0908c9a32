"""The conformance suite of SCIM (scim2-tester) against a desk that runs: `make test-scim`."""

import json
from collections.abc import Iterator
from typing import Annotated, Any
from uuid import uuid4

import httpx2
import pytest
from pydantic import Field
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import Required, ScimProvider, Uniqueness
from scim2_tester import Status, check_server

from chalicelib.api.scim import models
from tests.support.started_desk import HOST, StartedDesk, start_desk

pytestmark = pytest.mark.engine("embedded")


class _Addresses(list[str]):
    """Examples of which the suite never chooses one twice."""

    def __getitem__(self, _: object) -> Any:
        return f"{uuid4()}@example.com"


class User(models.User):
    """A user of this desk, whose name is an address: the suite would make up another text."""

    user_name: Annotated[str | None, Required.true, Uniqueness.server] = Field(None, examples=_Addresses(["one"]))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartedDesk]:
    with start_desk(tmp_path_factory.mktemp("desk")) as started:
        yield started


def new_token(desk: StartedDesk) -> str:
    made = desk.run("infra.admin", "scim-tokens", "create", "--name", "scim2-tester", "--json")
    assert made.returncode == 0, made.stderr
    return str(json.loads(made.stdout)["token"])


def test_the_conformance_suite_finds_no_error(desk: StartedDesk) -> None:
    provider = ScimProvider(models=[User, models.Group])
    with httpx2.Client(
        base_url=f"http://{HOST}:{desk.port}/scim/v2",
        headers={"Authorization": f"Bearer {new_token(desk)}"},
        timeout=60,
        trust_env=False,
    ) as client:
        results = check_server(SyncSCIMClient(client, provider=provider))
    counted: dict[Status, list[Any]] = {}
    for each in results:
        counted.setdefault(each.status, []).append(each)
    print(f"scim2-tester: {len(counted.get(Status.SUCCESS, []))} of {len(results)} checks succeeded")
    wrong = [each for status, found in counted.items() if status is not Status.SUCCESS for each in found]
    assert not wrong, "\n".join(
        f"{each.status.name} {each.title} {each.resource_type}: {each.reason}" for each in wrong
    )
    assert len(results) > 40
