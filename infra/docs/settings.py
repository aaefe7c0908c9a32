"""The table of settings: environment variables, and the parameters of the deployment's template."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from infra.docs.markdown import code, page, table
from infra.template.settings import SECRET_KEY, SECRET_KEY_ID, SETTINGS, deployment

_INTRODUCTION = """\
Set these as environment variables for `make run`, `make container-run` and the admin commands. For `make deploy`, pass
the parameter of the same row: `make deploy STAGE=prod PARAMETERS="PersonalBudget=300"`."""
_DEPLOYMENT_INTRODUCTION = "Only a deployment has these parameters. `make deploy` sets those without a default itself."


@dataclass(frozen=True)
class LocalSetting:
    """An environment variable that no deployed function reads as a parameter."""

    name: str
    type: str
    default: str
    meaning: str


LOCAL_SETTINGS = (
    LocalSetting("PORT", "port", "8000", "HTTP port of `make run`, `chalice local` and `make container-run`."),
    LocalSetting("WS_PORT", "port", "8001", "WebSocket port of `make run` and `make container-run`."),
    LocalSetting("ENGINE", "`embedded` or `dynamodb-local`", "embedded", "Where `make run` stores its data."),
    LocalSetting("DATA_DIR", "path", ".chalice/local/data", "Data folder of `make run ENGINE=dynamodb-local`."),
    LocalSetting("DEMO_FILE", "path", ".chalice/local/demo.json", "File that `make run` writes the demo tokens to."),
    LocalSetting("SSO", "empty or `demo`", "", "With `demo`, `make run` starts a provider of identities."),
    LocalSetting("SSO_PORT", "port", "8004", "Port of that provider."),
    LocalSetting("WS_IDLE_SECONDS", "whole number", "600", "`make run` closes a WebSocket that is idle for so long."),
    LocalSetting("WS_HEARTBEAT_SECONDS", "whole number", "30", "`make run` sends heartbeats to WebSockets so often."),
    LocalSetting("WS_LIFETIME_SECONDS", "whole number", "7200", "`make run` closes a WebSocket of this age."),
    LocalSetting(
        "FLUXDEN_STREAM_OPEN_SECONDS",
        "whole number",
        "300",
        "How long `make run` and `make container-run` keep an "
        "event stream open. Their streams don't use FLUXDEN_STREAM_HOLD_SECONDS.",
    ),
    LocalSetting(
        "FLUXDEN_DRAIN_SECONDS",
        "whole number",
        "25",
        "How long `make container-run` takes at most to end what it has begun, after SIGTERM.",
    ),
    LocalSetting(
        "FLUXDEN_HOST_SECRET",
        "text",
        "",
        "What hosts of `make container-run` show each other. Default: it follows from FLUXDEN_SECRET_KEY.",
    ),
    LocalSetting(
        "FLUXDEN_SOCKET_HOST",
        "URL",
        "",
        "Set by `make container-run`: the endpoint by which other hosts reach the WebSockets of this process.",
    ),
    LocalSetting("FLUXDEN_STAGE", "text", "", "Set by Chalice. With `local`, `chalice local` starts the local cloud."),
    LocalSetting(
        "FLUXDEN_QUEUES_URL",
        "URL",
        "",
        "Base of every queue's URL. If it is not set, each queue's URL is looked up once per process.",
    ),
)
_SECRET_KEY_MEANING = (
    "Key that seals stored secrets. Create one with `python -m infra.admin secret-key`. You can list several keys, "
    "separated by commas: each opens secrets, and the first seals them."
)
_SECRET_KEY_ID_MEANING = (
    "ARN of the secret in AWS Secrets Manager whose value has these keys. A deployment has it, and no key in any "
    "environment. Functions that seal or open secrets read it at first use."
)


def render() -> str:
    """Return the page."""
    return page(
        "Settings",
        _INTRODUCTION,
        table(("Environment variable", "Parameter", "Type", "Default", "Meaning"), _rows()),
        "## On one machine",
        table(
            ("Environment variable", "Type", "Default", "Meaning"),
            ((code(each.name), each.type, code(each.default), each.meaning) for each in LOCAL_SETTINGS),
        ),
        "## Parameters of a deployment",
        _DEPLOYMENT_INTRODUCTION,
        table(("Parameter", "Default", "Meaning"), (_parameter(name, each) for name, each in deployment().items())),
    )


def _rows() -> Iterator[tuple[str, ...]]:
    for name, each in SETTINGS.items():
        yield code(name), code(each.parameter), each.type, code(each.default), each.description
    yield code(SECRET_KEY), "", "text", "", _SECRET_KEY_MEANING
    yield code(SECRET_KEY_ID), code("SecretKeyId"), "text", "", _SECRET_KEY_ID_MEANING


def _parameter(name: str, declared: dict[str, Any]) -> tuple[str, str, str]:
    return code(name), code(str(declared.get("Default", ""))), str(declared["Description"])
