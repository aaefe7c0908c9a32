"""Whatever makes a task ready: in chief-of-staff mode none is left ready while nothing is in progress."""

from collections.abc import Mapping
from typing import Any

import pytest

from chalicelib.resources import QUEUE_ITEMS
from chalicelib.tasks.domain.queue import ItemStatus
from chalicelib.tasks.stores.queue import DynamoQueue
from tests.conftest import Desk
from tests.support.api import ROUTES, Api
from tests.support.sample_data import SampleData
from tests.support.sample_requests import SAMPLE_REQUESTS, sample_request

pytestmark = pytest.mark.engine("embedded")

# Every operation that may change a queue, or create what does.
_OPERATIONS = sorted(
    route.__name__
    for route in ROUTES.values()
    if route.__name__ in SAMPLE_REQUESTS and {*QUEUE_ITEMS.can("UpdateItem")} & {*route.grants}
)


@pytest.mark.parametrize("name", _OPERATIONS)
def test_no_task_stays_ready_while_nothing_is_in_progress(name: str, api: Api, desk: Desk) -> None:
    people = {each: desk.demo["api_keys"][each] for each in ("alice", "bob")}
    _change_settings(api, people, mode="chief_of_staff")
    route, request = sample_request(name, SampleData(api, desk))
    _change_settings(api, people, queueAutoApprove=True)
    reply = request.send(api, route, key=None)
    assert reply.status == route.status, reply.text
    for each in people:
        state = DynamoQueue().find_state(desk.user_id(each))
        assert state.count(ItemStatus.IN_PROGRESS) or not state.count(ItemStatus.READY), each


def _change_settings(api: Api, people: Mapping[str, str], **settings: Any) -> None:
    for key in people.values():
        assert api.call("PATCH", "/api/v2/settings", settings, token=key).status == 200
