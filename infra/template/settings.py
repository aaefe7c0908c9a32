"""The parameters of the deployment's template: one for each setting, and those that only a deployment has."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from chalicelib import retention
from chalicelib.resources import Grant, Secret
from infra.template import concurrency
from infra.template.names import REST_API, SOCKET_API, STAGE, has, ref, sub

_NUMBER = "[1-9][0-9]*"
_URL = "(https?://.+)?"


@dataclass(frozen=True)
class Setting:
    """A parameter that becomes an environment variable of every function.

    If the parameter is left empty, the value is `derived`.
    """

    parameter: str
    description: str
    type: str = "text"
    default: str = ""
    pattern: str = ""
    derived: str = ""

    @property
    def declared(self) -> dict[str, Any]:
        declared = {"Type": "String", "Default": self.default, "Description": self.description}
        return declared | ({"AllowedPattern": self.pattern} if self.pattern else {})

    @property
    def is_empty(self) -> str:
        """Name of the condition that holds if the parameter is left empty."""
        return f"Has{self.parameter}Derived"

    @property
    def is_on(self) -> str:
        """Name of the condition that holds if the parameter is 1."""
        return f"Is{self.parameter}On"

    @property
    def value(self) -> Any:
        return (
            {"Fn::If": [self.is_empty, sub(self.derived), ref(self.parameter)]} if self.derived else ref(self.parameter)
        )


def _number(parameter: str, description: str, default: int) -> Setting:
    return Setting(parameter, description, type="whole number", default=str(default), pattern=_NUMBER)


def _days(kind: retention.Kind) -> Setting:
    parameter = "".join(part.capitalize() for part in kind.setting.removeprefix("FLUXDEN_").split("_"))
    return Setting(
        parameter,
        f"{kind.what}: days that they are kept after {kind.since}. At least {retention.FEWEST_DAYS}; 0 keeps them for "
        "ever. See [Retention](retention.md).",
        type="whole number",
        default=str(kind.kept.days),
        pattern="0|3[1-9]|[4-9][0-9]|[1-9][0-9]{2,3}|[12][0-9]{4}",
    )


SETTINGS = {
    "FLUXDEN_PREFIX": Setting(
        "Prefix",
        "First part of the name of every table, queue, function and log group.",
        default="fluxden",
        pattern="[a-z][a-z0-9-]{1,23}",
    ),
    "FLUXDEN_PERSONAL_BUDGET": _number("PersonalBudget", "Rate units per minute for each personal token.", 120),
    "FLUXDEN_TOOLS_BUDGET": _number("ToolsBudget", "Rate units per minute for each tools token.", 600),
    "FLUXDEN_SCIM_BUDGET": _number("ScimBudget", "Rate units per minute for each SCIM token.", 1200),
    "FLUXDEN_KEY_BUDGET": _number("KeyBudget", "Rate units per minute for each API key.", 120),
    "FLUXDEN_SESSION_BUDGET": _number("SessionBudget", "Rate units per minute for each session in a browser.", 600),
    "FLUXDEN_SESSION_HOURS": _number("SessionHours", "Hours after which a session ends, however it is used.", 168),
    "FLUXDEN_SESSION_IDLE_HOURS": _number("SessionIdleHours", "Hours after which an unused session ends.", 12),
    "FLUXDEN_PLATFORM_BUDGET": _number("PlatformBudget", "Rate units per minute for each registered instance.", 600),
    "FLUXDEN_CONNECTION_BUDGET": _number("ConnectionBudget", "Rate units per minute for each connection.", 600),
    "FLUXDEN_REGISTRATIONS_PER_HOUR": _number(
        "RegistrationsPerHour", "How many new instances can register per hour.", 300
    ),
    "FLUXDEN_TRUSTED_PROXIES": Setting(
        "TrustedProxies",
        "How many proxies before this desk append the address of their caller to X-Forwarded-For, 0 to 9. Limits count "
        "by network address; further addresses in that header are ignored. API Gateway appends an address too, so "
        "behind it a CDN makes 2.",
        type="whole number",
        default="0",
        pattern="[0-9]",
    ),
    "FLUXDEN_DEMO_DAILY_LIMIT": _number("DemoDailyLimit", "Deliveries per day for each demo token.", 1000),
    **{each.setting: _days(each) for each in retention.SETTABLE},
    "FLUXDEN_BASE_URL": Setting(
        "BaseUrl",
        "URL at which other systems reach this desk. Links and signatures use it. Default: the API's own URL.",
        type="URL",
        pattern=_URL,
        derived=f"https://${{{REST_API}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/{STAGE}",
    ),
    "FLUXDEN_SOCKETS_URL": Setting(
        "SocketsUrl",
        "Management endpoint of the WebSocket API. Default: the endpoint of this stack's API.",
        type="URL",
        pattern=_URL,
        derived=f"https://${{{SOCKET_API}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/{STAGE}",
    ),
    "FLUXDEN_SOCKET_URL": Setting(
        "SocketUrl",
        "URL at which clients open WebSockets. Default: the URL of this stack's API.",
        type="URL",
        pattern="(wss?://.+)?",
        derived=f"wss://${{{SOCKET_API}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/{STAGE}",
    ),
    "FLUXDEN_ERROR_BASE_URL": Setting(
        "ErrorBaseUrl",
        "URL that the type of every problem starts with.",
        type="URL",
        default="https://docs.fluxdesk.net/api/v1/errors",
        pattern="https?://.+",
    ),
    "FLUXDEN_STREAM_HOLD_SECONDS": Setting(
        "StreamHoldSeconds",
        "How long the event stream over HTTP waits for a new event behind API Gateway, in seconds, at most 25.",
        type="whole number",
        default="20",
        pattern="1?[0-9]|2[0-5]",
    ),
    "FLUXDEN_STREAMS_PER_DESK": _number(
        "StreamsPerDesk",
        "Event streams over HTTP that wait for events at the same time. Above it a reply ends at once, and its client "
        "comes back later. Behind API Gateway each holds a function, so set no more there than ReservedForStreams.",
        50,
    ),
    "FLUXDEN_STORE_CLIENT": Setting(
        "StoreClient",
        "What calls DynamoDB and SQS: `lean`, which is faster, or `boto3`. With other settings of the SDK, boto3 is "
        "used anyway.",
        type="`lean` or `boto3`",
        default="lean",
        pattern="lean|boto3",
    ),
    "FLUXDEN_TRACING": Setting(
        "Tracing",
        "Set to 1 to record traces for AWS X-Ray.",
        type="0 or 1",
        default="0",
        pattern="[01]",
    ),
    "FLUXDEN_SOCKET_HEARTBEATS": Setting(
        "SocketHeartbeats",
        "Set to 1 to send a heartbeat to every open WebSocket every 30 seconds, a message each. `make run` and "
        "`make container-run` always do.",
        type="0 or 1",
        default="0",
        pattern="[01]",
    ),
    "ALLOW_LOOPBACK": Setting(
        "AllowLoopback",
        "Set to 1 to allow callbacks to this machine. For demonstrations only.",
        type="0 or 1",
        default="0",
        pattern="[01]",
    ),
}
SECRET_KEY, SECRET_KEY_ID = "FLUXDEN_SECRET_KEY", "FLUXDEN_SECRET_KEY_ID"
# Pydantic looks for plug-ins among all installed packages at every start; there are none.
FASTER_START = {"PYDANTIC_DISABLE_PLUGINS": "__all__"}
# What CloudWatch offers, up to ten years.
_LOG_DAYS = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]
DEPLOYMENT: dict[str, dict[str, Any]] = {
    "CodeBucket": {"Type": "String", "Description": "Bucket that holds the templates and the functions' zip."},
    "CodeKey": {
        "Type": "String",
        "Description": "Key of the zip in that bucket. It is derived from the zip's contents.",
    },
    "LayerKey": {
        "Type": "String",
        "Description": "Key of the zip with the functions' dependencies in that bucket, derived in the same way.",
    },
    "Release": {
        "Type": "String",
        "Description": "What was deployed: a short text derived from code, templates and parameters. Each function "
        "has a version of it.",
    },
    "Traffic": {
        "Type": "String",
        "Default": "AllAtOnce",
        "AllowedValues": [
            "AllAtOnce",
            *(f"Canary10Percent{minutes}Minutes" for minutes in (5, 10, 15, 30)),
            *(f"Linear10PercentEvery{every}" for every in ("1Minute", "2Minutes", "3Minutes", "10Minutes")),
        ],
        "Description": "How calls move to the functions of a new release: at once, a tenth first, or a tenth more at a "
        "time. If an alarm of the release is raised meanwhile, all of them move back.",
    },
    "AtOnce": {
        "Type": "String",
        "Default": "no",
        "AllowedValues": ["yes", "no"],
        "Description": "Whether this deployment alone moves calls at once. `make rollback` sets it to yes, and other "
        "deployments to no.",
    },
    "SnapStart": {
        "Type": "String",
        "Default": "no",
        "AllowedValues": ["yes", "no"],
        "Description": "Whether functions that somebody waits for start from snapshots, which AWS charges for. Needs "
        "Python 3.12 or later.",
    },
    "SecretKeyId": {
        "Type": "String",
        "AllowedPattern": "arn:aws[a-z-]*:secretsmanager:[^:]+:[0-9]{12}:secret:.+",
        "Description": "ARN of the Secrets Manager secret whose value is the key that seals stored secrets.",
    },
    "AlarmEmail": {
        "Type": "String",
        "Default": "",
        "Description": "E-mail address that alarms are sent to. Default: none.",
    },
    "MailReportsTopic": {
        "Type": "String",
        "Default": "",
        "AllowedPattern": "(arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256})?",
        "Description": "ARN of the SNS topic, in the desk's region, to which Amazon SES reports bounces and "
        "complaints. Default: none; then the queue of these reports is not read, and has no alarms.",
    },
    "LogDays": {
        "Type": "Number",
        "Default": 30,
        "AllowedValues": _LOG_DAYS,
        "Description": "Days that logs are kept.",
    },
    "AuditDays": {
        "Type": "Number",
        "Default": 731,
        "AllowedValues": _LOG_DAYS,
        "Description": "Days that logs with the actions of administrators are kept.",
    },
    "RequestsPerSecond": {
        "Type": "Number",
        "Default": 500,
        "MinValue": 1,
        "Description": "Requests per second that each method of the HTTP API, or route of the WebSocket API, accepts.",
    },
    "RequestsInBurst": {
        "Type": "Number",
        "Default": 1000,
        "MinValue": 1,
        "Description": "Requests that each method or route accepts in a burst.",
    },
    "AnonymousPerSecond": {
        "Type": "Number",
        "Default": 20,
        "MinValue": 1,
        "Description": "Requests per second that each method accepts which needs no token, such as health, "
        "registration, the directory and the documentation. They can't use up the functions that the others need.",
    },
    "AnonymousInBurst": {
        "Type": "Number",
        "Default": 40,
        "MinValue": 1,
        "Description": "Requests that each of these methods accepts in a burst.",
    },
    "ProtectTables": {
        "Type": "String",
        "Default": "yes",
        "AllowedValues": ["yes", "no"],
        "Description": "Whether DynamoDB refuses to delete the tables. Each deployment sets it to yes, unless you pass "
        "no.",
    },
    "SetAccountLogging": {
        "Type": "String",
        "Default": "yes",
        "AllowedValues": ["yes", "no"],
        "Description": "Whether this stack sets the account-wide role by which API Gateway writes logs.",
    },
}


def parameters() -> dict[str, Any]:
    return {each.parameter: each.declared for each in SETTINGS.values()} | deployment()


def deployment() -> dict[str, dict[str, Any]]:
    """Return the parameters that are no settings."""
    return DEPLOYMENT | concurrency.parameters()


def conditions() -> dict[str, Any]:
    empty = {each.is_empty: {"Fn::Equals": [ref(each.parameter), ""]} for each in SETTINGS.values() if each.derived}
    switches = [SETTINGS[name] for name in ("FLUXDEN_SOCKET_HEARTBEATS", "FLUXDEN_TRACING")]
    shifts = {"Fn::Not": [{"Fn::Equals": [ref("Traffic"), "AllAtOnce"]}]}
    return (
        empty
        | concurrency.conditions()
        | {
            **{each.is_on: {"Fn::Equals": [ref(each.parameter), "1"]} for each in switches},
            **{
                has(each): {"Fn::Not": [{"Fn::Equals": [ref(each), ""]}]} for each in ("AlarmEmail", "MailReportsTopic")
            },
            "ProtectsTables": {"Fn::Equals": [ref("ProtectTables"), "yes"]},
            "ShiftsTraffic": shifts,
            # `AtOnce` ends no deployment group, so that the next deployment finds it.
            "MovesSlowly": {"Fn::And": [shifts, {"Fn::Equals": [ref("AtOnce"), "no"]}]},
            "UsesSnapStart": {"Fn::Equals": [ref("SnapStart"), "yes"]},
            "SetsAccountLogging": {"Fn::Equals": [ref("SetAccountLogging"), "yes"]},
        }
    )


def environment() -> dict[str, Any]:
    """Return the environment variables of every function."""
    # A queue's URL follows from its name, so no function needs to look it up.
    queues = sub("https://sqs.${AWS::Region}.${AWS::URLSuffix}/${AWS::AccountId}")
    return {name: each.value for name, each in SETTINGS.items()} | {"FLUXDEN_QUEUES_URL": queues, **FASTER_START}


def secrets(grants: Iterable[Grant]) -> dict[str, Any]:
    """Return where a function with these grants reads the key that seals; the key itself is in no environment."""
    return {SECRET_KEY_ID: ref("SecretKeyId")} if any(isinstance(each.resource, Secret) for each in grants) else {}
