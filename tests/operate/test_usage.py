"""Rate budgets and how much of them is used."""

import pytest

from tests.conftest import Desk
from tests.operate.conftest import ADMIN, EVENTS, data
from tests.support import inputs
from tests.support.api import Api

pytestmark = pytest.mark.usefixtures("running_minute")


def test_budgets_show_the_current_minute_and_day(api: Api, desk: Desk) -> None:
    api.post(EVENTS, inputs.new_event(), desk.alice)
    shown = api.get(f"{ADMIN}/budgets?userId={desk.user_id('alice')}", desk.alice_key)
    assert shown.steps == 4
    by_kind = {(each["kind"], each["integrator"]): each for each in data(shown)["tokens"]}
    sent = by_kind["personal", "fd1"]
    assert (sent["minuteUsed"], sent["minuteLimit"], sent["dailyLeft"], sent["dailyLimit"]) == (2, 120, 999, 1000)
    assert (by_kind["key", None]["dailyLeft"], by_kind["key", None]["minuteUsed"]) == (None, 2)
    tools = data(api.get(f"{ADMIN}/budgets", desk.alice_key))
    assert {each["integrator"] for each in tools["tokens"]} == {"fd1", "hr"}
    assert {each["minuteUsed"] for each in tools["tokens"]} == {0}
    assert api.get(f"{ADMIN}/budgets?userId=x", desk.alice_key).status == 400
