"""Carry out the `aws` commands of a page with boto3, on whatever engine its clients reach."""

import json
import shlex
from collections.abc import Callable
from typing import Any

import botocore.session
from botocore import xform_name

_GLOBAL = {"--region", "--output", "--query"}


def run_aws(command: str, client: Callable[[str], Any]) -> Any:
    """Call the operation of a command line with its options, converted by the service's model."""
    program, service, operation, *options = shlex.split(command.replace("\\\n", " "), comments=True)
    assert program == "aws", command
    session: Any = botocore.session.Session()
    model = session.get_service_model(service)
    (name,) = (each for each in model.operation_names if xform_name(each, "-") == operation)
    shape = model.operation_model(name).input_shape
    members = {f"--{xform_name(each, '-')}": (each, member) for each, member in shape.members.items()}
    request: dict[str, Any] = {}
    words = iter(options)
    for option in words:
        assert option not in _GLOBAL, f"{option} is not carried out"
        switched_off = option.startswith("--no-") and option not in members
        known, member = members[option.replace("--no-", "--", 1) if switched_off else option]
        if member.type_name == "boolean":
            request[known] = not switched_off
        else:
            request[known] = _convert(next(words), member.type_name)
    return getattr(client(service), xform_name(name))(**request)


def _convert(text: str, kind: str) -> Any:
    match kind:
        case "integer" | "long":
            return int(text)
        case "structure" | "list" | "map":
            return json.loads(text)
    return text
