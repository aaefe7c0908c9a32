"""What an AWS account allows: how many functions run at the same time, and how many of these a desk reserves."""

from collections.abc import Mapping
from typing import Any

import click
from botocore.exceptions import ClientError

from infra.template.concurrency import ALARM_PARAMETER, ALARM_SHARE, LEFT_TO_OTHERS, RESERVATIONS, total


def concurrency_parameters(
    client: Any, workers: int, *, given: Mapping[str, str], kept: Mapping[str, str]
) -> dict[str, str]:
    """Return the parameters about concurrency that the account needs and that are neither given nor kept.

    Where it has too little, nothing is reserved: AWS would refuse the functions, and with them the deployment.

    Raises:
        click.ClickException: what is given is more than the account has.
    """
    known = {**kept, **given}
    unset = [each for each in RESERVATIONS if each.parameter not in known]
    if not unset and ALARM_PARAMETER in known and not any(each.parameter in given for each in RESERVATIONS):
        return {}
    limit, free = _limits(client)
    alarm = {} if ALARM_PARAMETER in known else {ALARM_PARAMETER: str(max(1, int(limit * ALARM_SHARE)))}
    wanted = total(workers, {each.parameter: int(known.get(each.parameter, each.default)) for each in RESERVATIONS})
    # What an earlier deployment of this desk reserved is free for it again.
    reserved = total(workers, {each.parameter: int(kept.get(each.parameter, 0)) for each in RESERVATIONS})
    if wanted + LEFT_TO_OTHERS <= free + reserved:
        return alarm
    if not unset:
        raise click.ClickException(
            f"This account may run {limit} functions at the same time. {wanted} can't be reserved, "
            f"because AWS keeps {LEFT_TO_OTHERS} for functions without a reservation."
        )
    click.echo(
        f"No concurrency is reserved, because this account may run {limit} functions at the same time. Ask AWS for "
        "more (Service Quotas, Lambda, Concurrent executions), then deploy with "
        + " ".join(f"{each.parameter}={each.default}" for each in unset)
    )
    return alarm | {each.parameter: "0" for each in unset}


def _limits(client: Any) -> tuple[int, int]:
    """Return how many functions of the account may run at the same time, and how many of these nobody has reserved."""
    try:
        found = client.get_account_settings()["AccountLimit"]
    except ClientError as error:
        click.echo(f"The account's concurrency can't be read ({error.response['Error']['Code']}).")
        return 0, 0
    return found["ConcurrentExecutions"], found["UnreservedConcurrentExecutions"]
