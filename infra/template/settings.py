"""The deployment's parameters: every setting of ours, and what only a deployment has."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import grimp

from infra.template.names import REST_API, SOCKET_API, STAGE, ref, sub

_VAULT = "chalicelib.vault"
_NUMBER = "[1-9][0-9]*"
_URL = "(https?://.+)?"


@dataclass(frozen=True)
class Setting:
    """A parameter, and the environment variable it becomes; what is `derived` holds where it is left empty."""

    parameter: str
    description: str
    default: str = ""
    pattern: str = ""
    derived: str = ""

    @property
    def declared(self) -> dict[str, Any]:
        declared = {"Type": "String", "Default": self.default, "Description": self.description}
        return declared | ({"AllowedPattern": self.pattern} if self.pattern else {})

    @property
    def is_empty(self) -> str:
        """The condition that holds where it is left empty."""
        return f"Has{self.parameter}Derived"

    @property
    def value(self) -> Any:
        return (
            {"Fn::If": [self.is_empty, sub(self.derived), ref(self.parameter)]} if self.derived else ref(self.parameter)
        )


SETTINGS = {
    "FLUXDEN_PREFIX": Setting(
        "Prefix", "First part of the name of all there is of this desk.", "fluxden", "[a-z][a-z0-9-]{1,23}"
    ),
    "FLUXDEN_PERSONAL_BUDGET": Setting("PersonalBudget", "Units a minute for a personal token.", "120", _NUMBER),
    "FLUXDEN_TOOLS_BUDGET": Setting("ToolsBudget", "Units a minute for a tools token.", "600", _NUMBER),
    "FLUXDEN_KEY_BUDGET": Setting("KeyBudget", "Units a minute for a dvd_ key.", "120", _NUMBER),
    "FLUXDEN_PLATFORM_BUDGET": Setting("PlatformBudget", "Units a minute for another instance.", "600", _NUMBER),
    "FLUXDEN_CONNECTION_BUDGET": Setting(
        "ConnectionBudget", "Units a minute for a connection's token.", "600", _NUMBER
    ),
    "FLUXDEN_REGISTRATIONS_PER_HOUR": Setting(
        "RegistrationsPerHour", "How many new instances may register in an hour.", "300", _NUMBER
    ),
    "FLUXDEN_DEMO_DAILY_LIMIT": Setting("DemoDailyLimit", "Deliveries a day for each demo token.", "1000", _NUMBER),
    "FLUXDEN_BASE_URL": Setting(
        "BaseUrl",
        "Where others reach this desk; empty: at the API's own address.",
        pattern=_URL,
        derived=f"https://${{{REST_API}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/{STAGE}",
    ),
    "FLUXDEN_SOCKETS_URL": Setting(
        "SocketsUrl",
        "The WebSocket API's management endpoint; empty: that of this stack's API.",
        pattern=_URL,
        derived=f"https://${{{SOCKET_API}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/{STAGE}",
    ),
    "FLUXDEN_SOCKET_URL": Setting(
        "SocketUrl",
        "Where clients open their WebSockets; empty: at this stack's API.",
        pattern="(wss?://.+)?",
        derived=f"wss://${{{SOCKET_API}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/{STAGE}",
    ),
    "FLUXDEN_ERROR_BASE_URL": Setting(
        "ErrorBaseUrl", "Where problem types point.", "https://docs.fluxdesk.net/api/v1/errors", "https?://.+"
    ),
    "FLUXDEN_STREAM_HOLD_SECONDS": Setting(
        "StreamHoldSeconds", "How long the event stream over HTTP waits for something new.", "20", "1?[0-9]|2[0-5]"
    ),
    "ALLOW_LOOPBACK": Setting(
        "AllowLoopback", "1 lets callbacks reach the machine they start from; for demonstrations.", "0", "[01]"
    ),
}
SECRET_KEY = "FLUXDEN_SECRET_KEY"
# There are no plug-ins, which every start would look for among all that is installed.
QUICKER = {"PYDANTIC_DISABLE_PLUGINS": "__all__"}
# What a setting of the README has no meaning for here: API Gateway has its own limits of connections.
ONLY_ON_ONE_MACHINE = frozenset({"WS_IDLE_SECONDS", "WS_LIFETIME_SECONDS"})

_DEPLOYMENT: dict[str, dict[str, Any]] = {
    "CodeBucket": {"Type": "String", "Description": "The bucket that the functions' zip is in."},
    "CodeKey": {"Type": "String", "Description": "The zip's key there, which names its contents."},
    "SecretKeyId": {
        "Type": "String",
        "AllowedPattern": ".+",
        "Description": "ARN of the Secrets Manager secret that is the key which seals stored secrets.",
    },
    "SecretKeyVersion": {
        "Type": "String",
        "AllowedPattern": ".+",
        "Description": "Id of that secret's version, so that a new version is noticed.",
    },
    "AlarmEmail": {"Type": "String", "Default": "", "Description": "Who is told of alarms; empty: nobody by e-mail."},
    "LogDays": {
        "Type": "Number",
        "Default": 30,
        "AllowedValues": [1, 3, 5, 7, 14, 30, 60, 90, 120, 180, 365, 400, 545, 731],
        "Description": "How long logs are kept.",
    },
    "RequestsPerSecond": {
        "Type": "Number",
        "Default": 500,
        "MinValue": 1,
        "Description": "What the HTTP API takes altogether, and the WebSocket API too; bursts may be twice that.",
    },
    "RequestsInBurst": {"Type": "Number", "Default": 1000, "MinValue": 1, "Description": "The most at one time."},
    "SetAccountLogging": {
        "Type": "String",
        "Default": "yes",
        "AllowedValues": ["yes", "no"],
        "Description": "Whether this stack lets API Gateway write logs: a setting of the whole account and region.",
    },
}


def parameters() -> dict[str, Any]:
    return {each.parameter: each.declared for each in SETTINGS.values()} | _DEPLOYMENT


def conditions() -> dict[str, Any]:
    empty = {each.is_empty: {"Fn::Equals": [ref(each.parameter), ""]} for each in SETTINGS.values() if each.derived}
    return empty | {
        "HasAlarmEmail": {"Fn::Not": [{"Fn::Equals": [ref("AlarmEmail"), ""]}]},
        "SetsAccountLogging": {"Fn::Equals": [ref("SetAccountLogging"), "yes"]},
    }


def environment() -> dict[str, Any]:
    """What every function is told."""
    # A queue's URL follows from its name, so nobody has to ask for it.
    queues = sub("https://sqs.${AWS::Region}.${AWS::URLSuffix}/${AWS::AccountId}")
    return {name: each.value for name, each in SETTINGS.items()} | {"FLUXDEN_QUEUES_URL": queues, **QUICKER}


def secrets(module: str) -> dict[str, Any]:
    """What only a function is told that may seal or open secrets: the key is fetched as the stack is deployed."""
    if _VAULT not in _imports().find_upstream_modules(module):
        return {}
    return {SECRET_KEY: sub("{{resolve:secretsmanager:${SecretKeyId}:SecretString::::${SecretKeyVersion}}}")}


@cache
def _imports() -> grimp.ImportGraph:
    # Also those inside functions, so that what is imported late counts.
    return grimp.build_graph("chalicelib", cache_dir=None)
