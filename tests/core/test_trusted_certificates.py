"""Which certificates a client trusts: the cloud's own where it calls the cloud, and what others say otherwise."""

from pathlib import Path
from typing import Any

import boto3
import botocore
import pytest

from chalicelib import aws
from infra.cloud_roots import write_cloud_roots

pytestmark = pytest.mark.engine("embedded")
_SETTINGS = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "AWS_ENDPOINT_URL", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")


@pytest.fixture
def roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run as a package in the cloud: with the roots, and with clients of its own."""
    made = tmp_path / "roots.pem"
    write_cloud_roots(Path(botocore.__file__).with_name("cacert.pem"), made)
    for name in _SETTINGS:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setattr(aws, "CLOUD_ROOTS", made)
    for name in ("_clients", "_socket_clients"):
        monkeypatch.setattr(aws, name, {})
    core = aws.core_session.__wrapped__()
    monkeypatch.setattr(aws, "core_session", lambda: core)
    monkeypatch.setattr(aws, "session", lambda: boto3.Session(botocore_session=core))
    return str(made)


def _trusted(client: Any) -> Any:
    return client._endpoint.http_session._verify


def test_clients_of_the_cloud_trust_its_own_roots(roots: str) -> None:
    host = "https://abc.execute-api.eu-central-1.amazonaws.com/desk"
    assert [_trusted(each) for each in (aws.dynamodb(), aws.sqs(), aws.sockets(host))] == [roots] * 3


@pytest.mark.usefixtures("roots")
@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1"])
def test_clients_of_other_partitions_trust_everybody(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    assert _trusted(aws.dynamodb()) is True


@pytest.mark.usefixtures("roots")
@pytest.mark.parametrize(
    "host", ["https://desk.example.com", "http://127.0.0.1:9", "https://x.amazonaws.com.example.com"]
)
def test_clients_of_other_endpoints_trust_everybody(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _trusted(aws.sockets(host)) is True
    monkeypatch.setenv("AWS_ENDPOINT_URL", host)
    assert _trusted(aws.dynamodb()) is True


@pytest.mark.usefixtures("roots")
@pytest.mark.parametrize("setting", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_certificates_that_an_operator_names_go_first(setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(setting, "/etc/ssl/ours.pem")
    assert _trusted(aws.dynamodb()) == "/etc/ssl/ours.pem"


@pytest.mark.usefixtures("roots")
def test_clients_behind_a_proxy_trust_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "169.254.169.254")
    monkeypatch.setenv("HTTPS_PROXY", "https://proxy.example.com")
    assert _trusted(aws.dynamodb()) is True


def test_desk_without_the_roots_trusts_everybody(roots: str) -> None:
    Path(roots).unlink()
    assert _trusted(aws.dynamodb()) is True
