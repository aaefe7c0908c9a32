"""The fees of payments."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.federation.network.domain.payments import PaymentIn, TransactionType, validate_fee
from tests.conftest import Desk
from tests.federation.network.network_calls import PAYMENT
from tests.support.api import Api


@pytest.mark.parametrize(
    ("kind", "gross", "proposed", "valid", "percent", "fee", "payout", "floor"),
    [
        ("marketplace", 100, 3, True, 3, 3, 97, 3),
        ("marketplace", 100, 1, False, 3, 3, 97, 3),
        ("marketplace", 100, 10, True, 10, 10, 90, 3),
        ("marketplace", 33.33, 0, False, 3, 1, 32.33, 3),
        ("marketplace", 0.15, 3, True, 3, 0, 0.15, 3),
        ("marketplace", 0.5, 3, True, 3, 0.02, 0.48, 3),
        ("recruiting", 1000, 5, False, 7, 70, 930, 7),
        ("job", 1000, 5, False, 7, 70, 930, 7),
        ("recruiting", 19.99, 7, True, 7, 1.4, 18.59, 7),
        ("marketplace", 0, 0, False, 3, 0, 0, 3),
        ("marketplace", 1.005, 100, True, 100, 1.01, 0, 3),
        ("marketplace", 0.1, 99.99, True, 99.99, 0.1, 0, 3),
    ],
)
def test_the_fee_is_never_below_the_floor(
    api: Api, desk: Desk, kind: str, gross: float, proposed: float, valid: bool, percent: float, fee: float,
    payout: float, floor: float,
) -> None:  # fmt: skip
    said = {"transactionType": kind, "grossAmount": gross, "proposedFeePercent": proposed, "agentId": "x"}
    reply = api.post(PAYMENT, said, desk.demo["federation"]["platform_token"])
    assert reply.status == 200
    made = reply.json
    assert (made["valid"], made["enforcedFeePercent"], made["feeFloor"]) == (valid, percent, floor)
    assert (made["enforcedFeeAmount"], made["developerPayout"]) == (fee, pytest.approx(payout, abs=0.0051))
    assert made["message"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"transactionType": "gift"},
        {"transactionType": None},
        {"transactionType": 1},
        {"grossAmount": -1},
        {"grossAmount": "100"},
        {"grossAmount": True},
        {"grossAmount": 1e300},
        {"grossAmount": None},
        {"proposedFeePercent": -0.1},
        {"proposedFeePercent": 100.1},
        {"proposedFeePercent": "3"},
        {"agentId": 7},
    ],
    ids=json.dumps,
)
def test_an_invalid_payment_is_refused(api: Api, desk: Desk, wrong: dict[str, Any]) -> None:
    said = {"transactionType": "marketplace", "grossAmount": 100, "proposedFeePercent": 3} | wrong
    token = desk.demo["federation"]["platform_token"]
    for reply in (api.post(PAYMENT, said, token), api.post(PAYMENT, raw='{"grossAmount": NaN}', token=token)):
        assert reply.status == 400
        assert (reply.json["success"], reply.json["valid"]) == (False, False)


@given(
    st.sampled_from(TransactionType),
    st.decimals(0, 10**9, places=2).map(float),
    st.decimals(0, 100, places=2).map(float),
)
def test_fee_and_payout_add_up_to_the_payment_and_no_fee_is_below_the_floor(
    kind: TransactionType, gross: float, proposed: float
) -> None:
    result = validate_fee(PaymentIn(transactionType=kind, grossAmount=gross, proposedFeePercent=proposed))
    assert result.enforced_fee_amount + result.developer_payout == pytest.approx(gross)
    assert result.enforced_fee_percent == max(proposed, result.fee_floor)
    assert result.valid is (proposed >= result.fee_floor)
