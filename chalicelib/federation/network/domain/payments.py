"""Fees of payments in the network, which are never below a floor."""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from chalicelib.core.domain.fields import Omittable, OpenIn, Out

_CENT = Decimal("0.01")
_LARGEST = 10**12
_HUNDRED = Decimal(100)


class TransactionType(StrEnum):
    """The type of a payment."""

    MARKETPLACE = "marketplace"
    RECRUITING = "recruiting"


# The lowest fee of the network, in percent.
FLOORS: Mapping[TransactionType, Decimal] = {
    TransactionType.MARKETPLACE: Decimal(3),
    TransactionType.RECRUITING: Decimal(7),
}


def _type(value: Any) -> Any:
    # Older clients say `job` for recruiting.
    known = {str(each): each for each in TransactionType} | {"job": TransactionType.RECRUITING}
    return known.get(value, value) if isinstance(value, str) else value


Reference = Annotated[str, Field(max_length=200)]


class PaymentIn(OpenIn):
    """A payment and the proposed fee."""

    transaction_type: Annotated[TransactionType, BeforeValidator(_type)] = Field(alias="transactionType")
    gross_amount: float = Field(alias="grossAmount", ge=0, le=_LARGEST, allow_inf_nan=False)
    proposed_fee_percent: float = Field(alias="proposedFeePercent", ge=0, le=100, allow_inf_nan=False)
    agent_id: Omittable[Reference] = Field(None, alias="agentId")
    execution_id: Omittable[Reference] = Field(None, alias="executionId")
    contract_id: Omittable[Reference] = Field(None, alias="contractId")


class PaymentOut(Out):
    """The fee to take. `valid` says whether it is the proposed one. Amounts are rounded half up, to cents."""

    valid: bool
    enforced_fee_percent: float
    enforced_fee_amount: float
    developer_payout: float
    fee_floor: float
    message: str


def validate_fee(payment: PaymentIn) -> PaymentOut:
    """Return the fee of a payment, calculated in decimals from the numbers as they were written."""
    gross, proposed = Decimal(str(payment.gross_amount)), Decimal(str(payment.proposed_fee_percent))
    floor = FLOORS[payment.transaction_type]
    percent = max(proposed, floor)
    fee = (gross * percent / _HUNDRED).quantize(_CENT, ROUND_HALF_UP)
    valid = proposed >= floor
    return PaymentOut(
        valid=valid,
        enforced_fee_percent=float(percent),
        enforced_fee_amount=float(fee),
        # An amount with fractions of a cent can be less than its rounded fee.
        developer_payout=float(max(Decimal(0), gross - fee).quantize(_CENT, ROUND_HALF_UP)),
        fee_floor=float(floor),
        message=(
            f"The proposed fee of {proposed.normalize():f} % is accepted."
            if valid
            else f"The lowest fee of {floor} % applies instead."
        ),
    )
