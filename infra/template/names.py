"""Names and references in the template."""

import re
from typing import Any

from chalicelib.resources import Grant, MailService, Queue, Secret, SocketApi, Table
from infra.template.entry_points import EntryPoint

Resources = dict[str, dict[str, Any]]

STAGE = "desk"
REST_API, SOCKET_API = "RestApi", "SocketApi"
# The alias of each function, which every caller uses. It points to the version of the last release.
ALIAS = "live"
# Parameters by which stacks of functions get what AWS names: the role that calls scheduled functions, the role that
# moves traffic to new versions, and the layer.
SCHEDULER_ROLE_ARN, RELEASE_ROLE_ARN, DEPENDENCIES_ARN = "SchedulerRoleArn", "ReleaseRoleArn", "DependenciesArn"


def pascal(name: str) -> str:
    """Return a logical id from words joined by `-`, `_` or `.`."""
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]+", name))


def sub(text: str) -> dict[str, str]:
    return {"Fn::Sub": text}


def ref(logical_id: str) -> dict[str, str]:
    return {"Ref": logical_id}


def arn_of(logical_id: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [logical_id, "Arn"]}


def has(parameter: str) -> str:
    """Return the name of the condition that holds if a parameter, which may be left empty, is set."""
    return f"Has{parameter}"


def resource(kind: str, properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"Type": kind, **more, "Properties": properties}


def table_id(table: Table) -> str:
    return f"{pascal(table.name)}Table"


def queue_id(queue: Queue) -> str:
    return f"{pascal(queue.name)}Queue"


def function_id(entry_point: EntryPoint) -> str:
    return f"{pascal(entry_point.name)}Function"


def function_name(entry_point: EntryPoint) -> dict[str, str]:
    """Return the function's physical name. It is fixed, so that APIs can refer to it."""
    return sub(f"${{Prefix}}-{entry_point.name}")


def alias_id(entry_point: EntryPoint) -> str:
    return f"{function_id(entry_point)}Alias"


def alias_arn(entry_point: EntryPoint) -> str:
    """Return the ARN by which the function is called, as a text for `Fn::Sub`."""
    function = f"${{Prefix}}-{entry_point.name}:{ALIAS}"
    return f"arn:${{AWS::Partition}}:lambda:${{AWS::Region}}:${{AWS::AccountId}}:function:{function}"


def invocation_uri(entry_point: EntryPoint) -> dict[str, str]:
    """Return the URI with which API Gateway calls the function."""
    path = "lambda:path/2015-03-31/functions"
    return sub(f"arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}:{path}/{alias_arn(entry_point)}/invocations")


def queue_arn(queue: Queue) -> dict[str, str]:
    """Return the queue's ARN, made from its name, because the queue is in another stack."""
    return sub(f"arn:${{AWS::Partition}}:sqs:${{AWS::Region}}:${{AWS::AccountId}}:${{Prefix}}-{queue.name}")


def queue_url(queue: Queue) -> dict[str, str]:
    """Return the queue's URL, made from its name, because the queue is in another stack."""
    return sub(f"https://sqs.${{AWS::Region}}.${{AWS::URLSuffix}}/${{AWS::AccountId}}/${{Prefix}}-{queue.name}")


def grant_arns(grant: Grant) -> list[dict[str, Any]]:
    """Return the ARNs that a grant covers. They are made from names, because tables and queues are in another stack."""
    match grant.resource:
        case Table() as table:
            arn = (
                f"arn:${{AWS::Partition}}:dynamodb:${{AWS::Region}}:${{AWS::AccountId}}:table/${{Prefix}}-{table.name}"
            )
            return [sub(f"{arn}/index/{grant.index}" if grant.index else arn)]
        case Queue() as queue:
            return [queue_arn(queue)]
        case Secret():
            return [ref("SecretKeyId")]
        case MailService():
            # Which identity sends, the operator sets later.
            account = "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}"
            return [sub(f"{account}:{kind}/*") for kind in ("identity", "configuration-set")]
        case SocketApi():
            api = f"arn:${{AWS::Partition}}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{{SOCKET_API}}}/{STAGE}"
            # The last part is a connection id, which is unknown in advance.
            return [sub(f"{api}/{method}/@connections/*") for method in ("POST", "DELETE")]
