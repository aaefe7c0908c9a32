"""Let the tests' process call its engine with the lean client, as functions do.

`FLUXDEN_STORE_CLIENT` chooses `lean` or `boto3`. By default it is lean with the embedded engine, and boto3 with others.

The engine and what tests put before it are hooks of boto3's client, which the lean one has not. So this one makes its
events around each call, and its boto3, which goes on after a failure, sends through the same hooks.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore
from botocore.awsrequest import AWSPreparedRequest, HeadersDict
from botocore.hooks import first_non_none_response

from chalicelib import aws, store_client
from chalicelib.store_client import StoreClient
from chalicelib.store_replies import Reply
from infra.local import engine

SERVICES = ("dynamodb", "sqs")


def install_if_wanted(default: str = "boto3") -> None:
    """Replace the clients of this process, unless its environment (or else `default`) says boto3."""
    if os.environ.get("FLUXDEN_STORE_CLIENT", default) == "lean":
        for service in SERVICES:
            aws._clients[service] = _HookedClient(service)


@contextmanager
def _credentials() -> Iterator[None]:
    names = [name for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY") if name not in os.environ]
    os.environ.update(dict.fromkeys(names, engine.ACCESS_KEY))
    try:
        yield
    finally:
        for name in names:
            del os.environ[name]


class _HookedClient(StoreClient):
    def __init__(self, service: str) -> None:
        self._plain = aws._make(service, {"config": aws._config(aws._SETTINGS)})
        self.meta = self._plain.meta
        with _credentials():
            super().__init__(
                service,
                engine.REGION,
                self.meta.endpoint_url,
                roots=str(Path(botocore.__file__).with_name("cacert.pem")),
                timeouts=(2, 5),
                attempts=4,
                agent="fluxden",
                make_boto3=self._make_hooked,
                # The events of a call count it.
                count=lambda: None,
            )

    def __getattr__(self, name: str) -> Any:
        # What the lean client has no call for goes to a client whose hooks are all in place.
        return super().__getattr__(name) if name in store_client.ACTIONS[self._service] else getattr(self._plain, name)

    def _make_hooked(self) -> Any:
        made: Any = aws._make(self._service, {"config": aws._config(aws._SETTINGS)})
        made.meta.events.unregister("before-send", engine.answer_request, unique_id="engine")
        made.meta.events.unregister(f"before-call.{self._service}", aws._count)
        return made

    @property
    def boto3(self) -> Any:
        made = super().boto3
        if not hasattr(made, "is_hooked"):
            made.is_hooked = True
            made.meta.events.unregister("before-send", store_client._take_outcome)
            made.meta.events.register("before-send", self._answer)
        return made

    def _answer(self, request: AWSPreparedRequest, event_name: str, **_: object) -> Any:
        return store_client._take_outcome(request) or self._ask_hooks(event_name, request)

    def _ask_hooks(self, event: str, request: AWSPreparedRequest) -> Any:
        return first_non_none_response(self.meta.events.emit(event, request=request))

    def _call(self, name: str, action: str, **params: Any) -> dict[str, Any]:
        model = self.meta.service_model.operation_model(action)
        about: dict[str, Any] = {"params": params, "model": model, "context": {}}
        for event in ("provide-client-params", "before-parameter-build", "before-call"):
            self.meta.events.emit(f"{event}.{self._service}.{action}", **about)
        parsed = super()._call(name, action, **params)
        replied = {"http_response": SimpleNamespace(status_code=200), "parsed": parsed}
        self.meta.events.emit(f"after-call.{self._service}.{action}", **about, **replied)
        return parsed

    def _send(self, action: str, body: bytes, invocation: str) -> Reply:
        headers: Any = HeadersDict(self._sign(action, body) | {"amz-sdk-invocation-id": invocation})
        # As botocore gives them to its hooks.
        headers["X-Amz-Target"] = headers["X-Amz-Target"].encode()
        headers["Content-Length"] = str(len(body))
        request = AWSPreparedRequest("POST", self._url, headers, body, False)
        found = self._ask_hooks(f"before-send.{self._service}.{action}", request)
        if found is None:
            return super()._send(action, body, invocation)
        return Reply(
            found.status_code, {name.lower(): str(value) for name, value in found.headers.items()}, found.content
        )
