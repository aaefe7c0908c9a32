"""The two APIs in front of the functions: HTTP (a REST API) and WebSockets."""

import copy
import hashlib
import json
from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any

from chalice.app import Chalice

from chalicelib.core.domain.errors import (
    Invalid,
    NotFound,
    RateLimited,
    Refusal,
    TooLarge,
    Unauthorized,
    Unavailable,
    UnsupportedMediaType,
)
from chalicelib.edge.problem import plain_error, problem_json, status_of
from chalicelib.edge.rendering import with_charset
from chalicelib.edge.route import Route
from chalicelib.edge.socket import SocketRoute
from chalicelib.security_headers import HTTPS_ONLY, SECURITY_HEADERS
from infra.template.entry_points import EntryPoint
from infra.template.names import (
    REST_API,
    SOCKET_API,
    STAGE,
    Resources,
    arn_of,
    invocation_uri,
    pascal,
    ref,
    resource,
    sub,
)
from infra.template.triggers import GATEWAY_ROLE

_NOT_FOUND = NotFound("There is nothing at this path.")
_TIMED_OUT = Unavailable("The desk did not answer in time.")
# Errors of API Gateway itself. For unknown paths it reports missing or malformed signatures, so these are 404 here.
_GATEWAY_ERRORS: dict[str, Refusal] = {
    "ACCESS_DENIED": _NOT_FOUND,
    "BAD_REQUEST_BODY": Invalid("The request is malformed."),
    "BAD_REQUEST_PARAMETERS": Invalid("The request is malformed."),
    "DEFAULT_4XX": _NOT_FOUND,
    "DEFAULT_5XX": _TIMED_OUT,
    "EXPIRED_TOKEN": _NOT_FOUND,
    "INTEGRATION_FAILURE": _TIMED_OUT,
    "INTEGRATION_TIMEOUT": _TIMED_OUT,
    "INVALID_SIGNATURE": _NOT_FOUND,
    "MISSING_AUTHENTICATION_TOKEN": _NOT_FOUND,
    "QUOTA_EXCEEDED": RateLimited("The desk is busy; try again in a moment.", retry_after=1),
    "REQUEST_TOO_LARGE": TooLarge("A request may have at most 10 MB."),
    "RESOURCE_NOT_FOUND": _NOT_FOUND,
    "THROTTLED": RateLimited("The desk is busy; try again in a moment.", retry_after=1),
    "UNSUPPORTED_MEDIA_TYPE": UnsupportedMediaType("The body must be sent as application/json."),
}
_OF_HEAD = ("parameters", "responses", "x-amazon-apigateway-integration")
_ACCESS_LINE = {
    # Under the names that our own lines have.
    "gatewayRequestId": "$context.requestId",
    "extendedRequestId": "$context.extendedRequestId",
    "function_request_id": "$context.integration.requestId",
    "ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "path": "$context.resourcePath",
    "status": "$context.status",
    "milliseconds": "$context.responseLatency",
    "functionMilliseconds": "$context.integrationLatency",
    "bytes": "$context.responseLength",
}
_SOCKET_LINE = {
    "gatewayRequestId": "$context.requestId",
    "extendedRequestId": "$context.extendedRequestId",
    "function_request_id": "$context.integration.requestId",
    "ip": "$context.identity.sourceIp",
    "route": "$context.routeKey",
    "connectionId": "$context.connectionId",
    "status": "$context.status",
    "error": "$context.integrationErrorMessage",
}
# A stage with logs needs the account's logging role. If this stack sets the role, this reference makes it come first.
_AFTER_LOGGING = {"LogsBy": {"Fn::If": ["SetsAccountLogging", ref("ApiLogsAccount"), "account"]}}
_THROTTLES = {"ThrottlingRateLimit": ref("RequestsPerSecond"), "ThrottlingBurstLimit": ref("RequestsInBurst")}
_ANONYMOUS_THROTTLES = {
    "ThrottlingRateLimit": ref("AnonymousPerSecond"),
    "ThrottlingBurstLimit": ref("AnonymousInBurst"),
}


def gateways(app: Chalice, definition: dict[str, Any], entry_points: Iterable[EntryPoint]) -> Resources:
    """Return both APIs. `definition` is Chalice's Swagger document of the app."""
    by_handler = {each.handler: each for each in entry_points}
    return _account_logging() | _rest_api(app, definition, by_handler) | _socket_api(by_handler)


def _rest_api(app: Chalice, definition: dict[str, Any], by_handler: Mapping[str, EntryPoint]) -> Resources:
    described = _definition(app, definition, by_handler)
    # A deployment is a picture of the API, and a stage shows one. Another definition needs another deployment.
    picture = hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()
    deployment = f"{REST_API}Deployment{picture[:10]}"
    return {
        "AccessLogs": _access_logs("http"),
        REST_API: resource(
            "AWS::ApiGateway::RestApi",
            {"Name": ref("Prefix"), "EndpointConfiguration": {"Types": ["REGIONAL"]}, "Body": described},
        ),
        deployment: resource(
            "AWS::ApiGateway::Deployment", {"RestApiId": ref(REST_API), "Description": f"Definition {picture}"}
        ),
        f"{REST_API}Stage": resource(
            "AWS::ApiGateway::Stage",
            {
                "RestApiId": ref(REST_API),
                "DeploymentId": ref(deployment),
                "StageName": STAGE,
                "AccessLogSetting": _access_log_setting("AccessLogs", _ACCESS_LINE),
                "MethodSettings": _method_settings(by_handler.values()),
                "Variables": _AFTER_LOGGING,
            },
        ),
    }


def _method_settings(entry_points: Iterable[EntryPoint]) -> list[dict[str, Any]]:
    """Return the limits of each method. One that needs no token has its own, so that nobody can use up the others'."""
    made = [{"ResourcePath": "/*", "HttpMethod": "*", "MetricsEnabled": False, **_THROTTLES}]
    for each in entry_points:
        if isinstance(each.source, Route) and is_anonymous(each.source):
            for path, method in product(each.source.paths, _methods(each.source)):
                # The slashes of the path are escaped, and the whole begins with another one.
                place = {"ResourcePath": "/" + path.rstrip("/").replace("/", "~1"), "HttpMethod": method}
                made.append(place | {"MetricsEnabled": False, **_ANONYMOUS_THROTTLES})
    return made


def is_anonymous(route: Route) -> bool:
    """Whether the operation answers callers who show nothing."""
    return (not route.callers or route.caller_is_optional) and Unauthorized not in route.refusals


def _methods(route: Route) -> tuple[str, ...]:
    return ("GET", "HEAD") if route.method == "GET" else (route.method,)


def _definition(app: Chalice, definition: dict[str, Any], by_handler: Mapping[str, EntryPoint]) -> dict[str, Any]:
    made = copy.deepcopy(definition)
    for path, methods in made["paths"].items():
        for method, described in methods.items():
            # Readers use the served OpenAPI documents; here descriptions would only take space.
            described.pop("summary", None), described.pop("description", None)
            integration = described["x-amazon-apigateway-integration"]
            if integration["type"] == "aws_proxy":
                route: Any = app.routes[path][method.upper()].view_function
                entry_point = by_handler[f"{route.route.function.__module__}.{route.route.__name__}"]
                integration |= {"uri": invocation_uri(entry_point), "credentials": arn_of(GATEWAY_ROLE)}
        if "get" in methods:
            # API Gateway would refuse HEAD. The function that answers GET leaves the body out.
            methods["head"] = {name: methods["get"][name] for name in _OF_HEAD if name in methods["get"]}
    return made | {"x-amazon-apigateway-gateway-responses": _responses()}


def _responses() -> dict[str, Any]:
    """Return API Gateway's own errors. They have the fields of both contracts, because the path is unknown."""
    made: dict[str, Any] = {}
    for kind, refusal in _GATEWAY_ERRORS.items():
        request_id = "$context.requestId"
        body = problem_json(refusal, request_id, "") | plain_error(refusal, request_id, "")
        # The path is left out, because API Gateway inserts it unescaped.
        del body["instance"]
        # API Gateway is reached over TLS only. Literals stand in quotes.
        fixed = SECURITY_HEADERS | HTTPS_ONLY | {"Content-Type": with_charset("application/json")}
        headers = {"X-Request-Id": "context.requestId"} | {name: f"'{value}'" for name, value in fixed.items()}
        if refusal.retry_after is not None:
            headers["Retry-After"] = f"'{refusal.retry_after}'"
        made[kind] = {
            "statusCode": str(status_of(type(refusal))),
            "responseParameters": {f"gatewayresponse.header.{name}": value for name, value in headers.items()},
            "responseTemplates": {"application/json": json.dumps(body)},
        }
    return made


def _socket_api(by_handler: Mapping[str, EntryPoint]) -> Resources:
    made: Resources = {
        "SocketLogs": _access_logs("sockets"),
        SOCKET_API: resource(
            "AWS::ApiGatewayV2::Api",
            {
                "Name": sub("${Prefix}-sockets"),
                "ProtocolType": "WEBSOCKET",
                # Unused: the function reads the action from the frame.
                "RouteSelectionExpression": "$request.body.action",
            },
        ),
    }
    routes = []
    for entry_point in by_handler.values():
        if not isinstance(entry_point.source, SocketRoute):
            continue
        name = f"Socket{pascal(entry_point.name)}"
        routes.append(f"{name}Route")
        made[f"{name}Integration"] = resource(
            "AWS::ApiGatewayV2::Integration",
            {
                "ApiId": ref(SOCKET_API),
                "IntegrationType": "AWS_PROXY",
                "IntegrationUri": invocation_uri(entry_point),
                "CredentialsArn": arn_of(GATEWAY_ROLE),
            },
        )
        made[f"{name}Route"] = resource(
            "AWS::ApiGatewayV2::Route",
            {
                "ApiId": ref(SOCKET_API),
                "RouteKey": entry_point.source.route_key,
                "Target": sub(f"integrations/${{{name}Integration}}"),
            },
        )
    made["SocketStage"] = resource(
        "AWS::ApiGatewayV2::Stage",
        {
            "ApiId": ref(SOCKET_API),
            "StageName": STAGE,
            "AutoDeploy": True,
            "DefaultRouteSettings": _THROTTLES,
            "StageVariables": _AFTER_LOGGING,
            "AccessLogSettings": _access_log_setting("SocketLogs", _SOCKET_LINE),
        },
        DependsOn=routes,
    )
    return made


def _access_logs(name: str) -> dict[str, Any]:
    properties = {"LogGroupName": sub(f"/${{Prefix}}/access/{name}"), "RetentionInDays": ref("LogDays")}
    return resource("AWS::Logs::LogGroup", properties)


def _access_log_setting(log_group: str, line: dict[str, str]) -> dict[str, Any]:
    return {"DestinationArn": arn_of(log_group), "Format": json.dumps(line)}


def _account_logging() -> Resources:
    # AWS's managed policy for API Gateway's logs. Its resources are `*`.
    writes = sub("arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs")
    trusted = {"Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return {
        "ApiLogsRole": resource(
            "AWS::IAM::Role",
            {
                "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trusted]},
                "ManagedPolicyArns": [writes],
            },
            Condition="SetsAccountLogging",
            DeletionPolicy="Retain",
            UpdateReplacePolicy="Retain",
        ),
        "ApiLogsAccount": resource(
            "AWS::ApiGateway::Account",
            {"CloudWatchRoleArn": arn_of("ApiLogsRole")},
            Condition="SetsAccountLogging",
            DeletionPolicy="Retain",
            UpdateReplacePolicy="Retain",
        ),
    }
