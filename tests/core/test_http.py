"""Outgoing HTTP reaches public addresses only, and nothing on this machine or its networks."""

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from chalicelib.core.domain.http_results import HttpResult
from chalicelib.core.domain.links import is_global_address, link_error
from chalicelib.core.gateways import http
from chalicelib.settings import settings
from tests.conftest import Desk
from tests.support import inputs
from tests.support.api import Api
from tests.support.receiver import Receiver

pytestmark = pytest.mark.engine("embedded")

HOSTILE = [
    line
    for line in (Path(__file__).parents[1] / "data" / "hostile_urls.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("# ")
]
REBINDING = ".rebind.test"
PUBLIC = "93.184.216.34"


class Listener:
    """Sockets on every loopback address; whoever connects is counted."""

    def __init__(self) -> None:
        self.seen = 0
        self._sockets = [socket.create_server(("", 0))]
        self.port = int(self._sockets[0].getsockname()[1])
        if socket.has_ipv6:
            try:
                six = socket.create_server(("::", self.port), family=socket.AF_INET6)
            except OSError:
                pass  # a machine without IPv6
            else:
                self._sockets.append(six)
        for each in self._sockets:
            threading.Thread(target=self._accept, args=(each,), daemon=True).start()

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                connected, _ = listening.accept()
            except OSError:
                return
            self.seen += 1
            connected.close()

    def close(self) -> None:
        for each in self._sockets:
            each.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hosts that were looked up. Names tell their own addresses; no other name is known."""
    seen: list[str] = []
    genuine = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, **_: Any) -> Any:
        seen.append(host)
        named = [host]
        if host.endswith(REBINDING):
            named = host.removesuffix(REBINDING).replace("-", ":").split("+")
        kind, numeric = socket.SOCK_STREAM, socket.AI_NUMERICHOST
        return [found for each in named for found in genuine(each, port, type=kind, flags=numeric)]

    monkeypatch.setattr("socket.getaddrinfo", getaddrinfo)
    return seen


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The addresses that connections were made to; they all fail."""
    tried: list[Any] = []

    def connect(addresses: list[Any], _: object) -> socket.socket:
        tried.extend(address for _, address in addresses)
        raise ConnectionRefusedError

    monkeypatch.setattr(http, "_connect", connect)
    return tried


def post(url: str) -> HttpResult:
    return http.post(url, b"{}", {})


def test_corpus_is_large() -> None:
    assert len(set(HOSTILE)) == len(HOSTILE) >= 200


def test_no_hostile_url_reaches_anything(listener: Listener, looked_up: list[str], connected: list[Any]) -> None:
    for template in HOSTILE:
        url = template.replace("{port}", str(listener.port))
        for answer in (post(url), http.get(url, {})):
            assert answer.status is None, url
            assert answer.error, url
            assert connected == [], url
    assert listener.seen == 0


def test_listener_on_loopback_sees_nothing(listener: Listener, looked_up: list[str]) -> None:
    """As above, with a client that would really connect."""
    for template in HOSTILE:
        assert post(template.replace("{port}", str(listener.port))).status is None
    with socket.socket() as genuine:
        genuine.connect(("127.0.0.1", listener.port))
    time.sleep(0.05)
    assert listener.seen == 1, "the listener sees what does come"


def test_url_that_is_invalid_by_its_form_is_refused_at_publish(api: Api, desk: Desk, monkeypatch: Any) -> None:
    monkeypatch.setenv("FLUXDEN_PERSONAL_BUDGET", "100000")
    by_name = [url for url in HOSTILE if REBINDING in url]
    for template in HOSTILE:
        url = template.replace("{port}", "8443")
        assert (link_error(url) is None) == (template in by_name), url
    for template in HOSTILE[::7]:
        if template not in by_name:
            button = {"label": "x", "action_type": "webhook", "webhook_url": template.replace("{port}", "8443")}
            refused = api.post("/api/v1/events", inputs.new_event(actions=[button]), desk.alice)
            assert list(refused.json["fieldErrors"]) == ["actions.0.webhook_url"], template


def test_name_is_looked_up_once_and_its_checked_address_is_connected_to(
    monkeypatch: pytest.MonkeyPatch, connected: list[Any]
) -> None:
    answers = iter([PUBLIC, "127.0.0.1"])
    genuine = socket.getaddrinfo
    monkeypatch.setattr("socket.getaddrinfo", lambda _, port, **more: genuine(next(answers), port, **more))
    assert post("https://changes-its-mind.example/").status is None
    assert connected == [(PUBLIC, 443)]
    assert next(answers) == "127.0.0.1", "never asked for"


def test_proxy_of_the_environment_is_not_used(
    listener: Listener, looked_up: list[str], connected: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{listener.port}")
    post(f"https://{PUBLIC}/")
    assert connected == [(PUBLIC, 443)]
    assert listener.seen == 0


def test_with_loopback_allowed_other_private_addresses_stay_closed(
    receiver: Receiver, looked_up: list[str], connected: list[Any]
) -> None:
    allowed = 0
    for template in HOSTILE:
        url = template.replace("{port}", str(receiver.port))
        if link_error(url, allow_loopback=True) is None:
            before = len(connected)
            answer = post(url)
            for address in connected[before:]:
                assert ipaddress.ip_address(address[0]).is_loopback or is_global_address(address[0]), url
            allowed += len(connected) > before
            assert (answer.error == "the connection failed") == (len(connected) > before)
    assert allowed > 20
    assert post("http://example.com/").error == "the URL must start with https://"
    assert post(f"http://127.0.0.1{REBINDING}/").error == "the URL must start with https://"


def test_unknown_host_name_is_reported(looked_up: list[str]) -> None:
    assert post("https://nowhere.example/").error == "the host's name is not known"


# What a receiver may do to us


class Rude:
    """A server that answers with whatever bytes, as slowly as it likes."""

    def __init__(self, *pieces: bytes, pause: float = 0.0) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/"
        threading.Thread(target=self._serve, args=(pieces, pause), daemon=True).start()

    def _serve(self, pieces: tuple[bytes, ...], pause: float) -> None:
        connected, _ = self._listening.accept()
        try:
            for each in pieces:
                connected.sendall(each)
                time.sleep(pause)
        except OSError:
            pass
        connected.close()
        self._listening.close()


@pytest.fixture
def _loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOW_LOOPBACK", "1")
    settings.cache_clear()


OK = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.usefixtures("_loopback")
@pytest.mark.parametrize(
    ("pieces", "pause"),
    [
        pytest.param([b""], 120.0, id="silence"),
        pytest.param([b"H", b"T", *[b"T"] * 2400], 0.05, id="a byte now and then"),
        pytest.param([OK, *[b"x: y\r\n"] * 2400], 0.05, id="headers without end"),
        pytest.param([b"HTTP/1.1 100 Continue\r\n\r\n"] * 2400, 0.05, id="continue, and continue"),
    ],
)
def test_attempt_ends_after_ten_seconds(monkeypatch: pytest.MonkeyPatch, pieces: list[bytes], pause: float) -> None:
    monkeypatch.setattr(http, "DEADLINE_SECONDS", 0.5)
    started = time.monotonic()
    answer = post(Rude(*pieces, pause=pause).url)
    assert (answer.status, answer.error) == (None, "no reply within 0 seconds")
    # The receiver would go on for two minutes.
    assert time.monotonic() - started < 60


@pytest.mark.usefixtures("_loopback")
def test_slow_resolver_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "DEADLINE_SECONDS", 0.2)

    released, found = threading.Event(), threading.Event()

    def slow(*_: Any, **__: Any) -> list[Any]:
        if released.wait(120):
            found.set()
        return []

    monkeypatch.setattr("socket.getaddrinfo", slow)
    assert (post("https://slow.example/").error or "").startswith("no reply within")
    assert not found.is_set(), "the look-up goes on"
    released.set()


@pytest.mark.usefixtures("_loopback")
def test_only_the_beginning_of_a_refusal_is_read_and_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    endless = [b"HTTP/1.1 500 X\r\n\r\n", b"<b>\x00\x1b[31mno\n\tway</b> \xff ", *[b"z" * 65536] * 200]
    answer = post(Rude(*endless, pause=0.2).url)
    assert (answer.error or "").startswith("answered 500: <b>[31mno way</b> ÿ zzz")
    assert len(answer.error or "") < 250


@pytest.mark.usefixtures("_loopback")
def test_body_of_a_success_is_not_waited_for() -> None:
    # Waiting for it would end in "no reply within 10 seconds".
    assert post(Rude(OK + b"Content-Length: 999\r\n\r\n", b"", pause=120.0).url) == HttpResult(200)


@pytest.mark.usefixtures("_loopback")
def test_requested_body_is_read_up_to_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    said = OK + b"Content-Length: 5\r\n\r\nhello"
    assert http.get(Rude(said).url, {}) == HttpResult(200, body=b"hello")
    assert http.get(Rude(OK + b"\r\n", *[b"z" * 65536] * 20).url, {}).error == "the reply is too long"
    cut = http.get(Rude(OK + b"Content-Length: 9\r\n\r\nhello").url, {})
    assert cut.error in ("the reply ended early", "the connection failed")
    monkeypatch.setattr(http, "DEADLINE_SECONDS", 0.5)
    assert http.get(Rude(OK + b"\r\n", *[b"z"] * 2400, pause=0.05).url, {}).status is None


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for localhost, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "cert.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path


@pytest.fixture
def encrypted(receiver: Receiver, certificate: Path) -> Receiver:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    receiver.encrypt(context)
    return receiver


@pytest.fixture
def _trusting(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    http._trust.cache_clear()
    yield
    http._trust.cache_clear()


@pytest.mark.usefixtures("_trusting")
def test_trusted_certificate_for_the_urls_host_is_accepted(encrypted: Receiver) -> None:
    assert post(f"https://localhost:{encrypted.port}/x?y") == HttpResult(204)
    (sent,) = encrypted.received
    assert (sent.path, sent.headers["host"]) == ("/x?y", f"localhost:{encrypted.port}")


@pytest.mark.usefixtures("_trusting")
def test_certificate_for_another_host_is_refused(encrypted: Receiver) -> None:
    assert post(f"https://127.0.0.1:{encrypted.port}/").error == "the certificate is not valid for the host"
    assert encrypted.received == []


def test_untrusted_certificate_is_refused(encrypted: Receiver) -> None:
    assert post(f"https://localhost:{encrypted.port}/").error == "the certificate is not valid for the host"
    assert encrypted.received == []


def test_receiver_without_tls_fails_the_attempt(receiver: Receiver) -> None:
    assert post(f"https://localhost:{receiver.port}/").error == "the TLS connection failed"
