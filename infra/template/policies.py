"""IAM policy documents."""

from typing import Any


def allow(actions: list[str], arns: list[Any]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": arns}


def policy(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


def trust(service: str) -> dict[str, Any]:
    """Return the policy that lets a service take a role."""
    return policy([{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}])
