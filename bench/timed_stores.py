"""DynamoDB Local with the rows of the embedded engine, for the time that operations take on it."""

import socket
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.httpsession import URLLib3Session
from moto.dynamodb.models import dynamodb_backends

from chalicelib import aws
from chalicelib.parallel import chunks
from infra.local import engine, engines
from infra.tables import DEFINITIONS, create_table_request
from tests.support.api import Answer

_PER_BATCH, _THREADS, _TIMES = 25, 4, 9
# As botocore's clients have it: otherwise each request waits 40 ms for its second segment.
_AT_ONCE: Any = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]


class TimedStores:
    """DynamoDB Local, as the place where the rows are while operations are timed."""

    def __init__(self, url: str) -> None:
        self._url, self._http = url, URLLib3Session(max_pool_connections=64, socket_options=_AT_ONCE)
        session = botocore.session.Session()
        # It keeps the tables of each key and region apart.
        session.set_credentials(engine.ACCESS_KEY, engine.ACCESS_KEY)
        config = Config(retries={"mode": "standard", "total_max_attempts": 10}, read_timeout=60)
        self._client: Any = session.create_client(
            "dynamodb", region_name=engine.REGION, endpoint_url=url, config=config
        )

    def copy_rows(self) -> None:
        """Replace all tables by those of the embedded engine."""
        for name in self._client.list_tables()["TableNames"]:
            self._client.delete_table(TableName=name)
        for definition in DEFINITIONS:
            self._client.create_table(**create_table_request(definition))
        with ThreadPoolExecutor(_THREADS) as threads:
            for name, table in dynamodb_backends[engine.ACCOUNT][engine.REGION].tables.items():
                rows = (row.to_json()["Attributes"] for row in table.all_items())
                list(threads.map(lambda batch, name=name: self._write(name, batch), chunks(list(rows), _PER_BATCH)))

    def time_calls(self, do: Callable[[], Answer]) -> float:
        """Return the median of the milliseconds that a request takes."""
        taken = []
        events = aws.dynamodb().meta.events
        events.unregister("before-send", engine.answer_request, unique_id="engine")  # type: ignore[arg-type]
        events.register("before-send.dynamodb", self._send)
        try:
            do()
            for _ in range(_TIMES):
                start = time.perf_counter()
                answer = do()
                taken.append(time.perf_counter() - start)
                assert answer.status < 300, answer.text  # noqa: PLR2004 - of success
        finally:
            events.unregister("before-send.dynamodb", self._send)
            events.register("before-send", engine.answer_request, unique_id="engine")  # type: ignore[arg-type]
        return statistics.median(taken) * 1000

    def _write(self, table: str, rows: Iterable[Any]) -> None:
        pending: Any = {table: [{"PutRequest": {"Item": row}} for row in rows]}
        while pending:
            pending = self._client.batch_write_item(RequestItems=pending).get("UnprocessedItems")

    def _send(self, request: Any, **_: object) -> Any:
        request.url = self._url
        return self._http.send(request)


@contextmanager
def start_timed_stores() -> Iterator[TimedStores | None]:
    """Start DynamoDB Local; None where Java or Maven is missing."""
    try:
        engines.fetch_engines()
    except engines.EnginesUnavailable as missing:
        print(f"Times are left out: {missing}")
        yield None
        return
    with tempfile.TemporaryDirectory() as folder, engines.start_engines(Path(folder)) as endpoints:
        yield TimedStores(endpoints.dynamodb)
