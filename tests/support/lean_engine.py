"""Let the tests' process call its engine with the lean client: `FLUXDEN_STORE_CLIENT=lean make test`.

The engine and what tests put before it are hooks of boto3's client, which the lean one has not. So this one makes its
events around each call, and its boto3, which goes on after a failure, sends through the same hooks.
"""

import os
from pathlib import Path
from typing import Any

import botocore
from botocore.awsrequest import AWSPreparedRequest, HeadersDict
from botocore.hooks import first_non_none_response

from chalicelib import aws, store_client
from chalicelib.store_client import StoreClient
from chalicelib.store_replies import Reply
from infra.local import engine

SERVICES = ("dynamodb", "sqs")


def install_if_wanted() -> None:
    """Replace the clients of this process, if its environment says so."""
    if os.environ.get("FLUXDEN_STORE_CLIENT") == "lean":
        for service in SERVICES:
            aws._clients[service] = _HookedClient(service)


class _HookedClient(StoreClient):
    def __init__(self, service: str) -> None:
        plain = aws._make(service, {"config": aws._config(aws._SETTINGS)})
        self.meta = plain.meta
        names = {"AWS_ACCESS_KEY_ID": engine.ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": engine.ACCESS_KEY}
        for name, value in names.items():
            os.environ.setdefault(name, value)
        super().__init__(
            service,
            engine.REGION,
            plain.meta.endpoint_url,
            roots=str(Path(botocore.__file__).with_name("cacert.pem")),
            timeouts=(2, 5),
            attempts=4,
            agent="fluxden",
            make_boto3=self._make_hooked,
            # The events of a call count it.
            count=lambda: None,
        )

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
        return super()._call(name, action, **params)

    def _send(self, action: str, body: bytes, invocation: str) -> Reply:
        headers: Any = HeadersDict(self._sign(action, body) | {"amz-sdk-invocation-id": invocation})
        request = AWSPreparedRequest("POST", self._url, headers, body, False)
        found = self._ask_hooks(f"before-send.{self._service}.{action}", request)
        if found is None:
            return super()._send(action, body, invocation)
        return Reply(
            found.status_code, {name.lower(): str(value) for name, value in found.headers.items()}, found.content
        )
