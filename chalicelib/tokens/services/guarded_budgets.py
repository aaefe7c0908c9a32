"""The budgets of callers, with a guard for the credentials of instances, which somebody may guess."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chalicelib.core.domain.addresses import network_of
from chalicelib.core.domain.budgets import Charge
from chalicelib.core.domain.errors import Inactive, Unapproved, Unauthorized
from chalicelib.core.ports import Gather
from chalicelib.core.services.guesses import Guesses, Trial, try_credential
from chalicelib.ids import InstanceCredential, PresentedToken
from chalicelib.tokens.domain.tokens import Admission


class Budgets(Protocol):
    """Authenticates callers and charges their budgets."""

    def spend(
        self, token: PresentedToken, charge: Charge, *, now: datetime, address: str | None = None
    ) -> Admission: ...
    def refund(self, token: PresentedToken, charge: Charge, *, now: datetime) -> None: ...


@dataclass(frozen=True)
class GuardedBudgets:
    """Authenticates callers and charges their budgets; counts the wrong credentials of instances by address.

    Tokens of people and integrators are ours, of 256 bits, so nobody can guess them.
    """

    budgets: Budgets
    guesses: Guesses
    gather: Gather

    def spend(
        self,
        token: PresentedToken,
        charge: Charge,
        *,
        now: datetime,
        address: str | None = None,
        is_accepted: bool = True,
    ) -> Admission:
        """Authenticate the caller and take `charge`; `is_accepted` is whether the operation takes such a credential.

        Store calls: those of the budgets, and for an instance those of `try_credential`.

        Raises:
            Unauthorized, Inactive, Unapproved: see DynamoTokenBudgets.
            RateLimited: there were too many wrong credentials.
        """

        def look_up() -> Admission | Unauthorized:
            try:
                return self.budgets.spend(token, charge, now=now, address=address)
            except Unauthorized as refused:
                return refused

        if is_accepted and isinstance(token.kind, InstanceCredential):
            trial = Trial(network_of(address), token.kind.value, token.secret_hash, token.can_be_guessed, now)
            found = try_credential(trial, look_up, _is_known, guesses=self.guesses, gather=self.gather)
        else:
            found = look_up()
        if isinstance(found, Unauthorized):
            raise found
        return found

    def refund(self, token: PresentedToken, charge: Charge, *, now: datetime) -> None:
        """Give back a charge. Store calls: those of the budgets."""
        self.budgets.refund(token, charge, now=now)


def _is_known(found: Admission | Unauthorized) -> bool:
    return not isinstance(found, Unauthorized) or isinstance(found, Inactive | Unapproved)
