"""The envelope of v2 replies: `{"success": true, "data": …}`, without `data` where there is nothing to show."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

Data = BaseModel | Sequence[BaseModel] | None


def envelope_json(data: Data) -> str:
    """The envelope as JSON text."""
    if data is None:
        return '{"success":true}'
    return f'{{"success":true,"data":{_json(data)}}}'


def stored_envelope(status: int, data: BaseModel | None = None) -> dict[str, Any]:
    """A reply as its idempotency record keeps it: the status, and the whole body."""
    body: dict[str, Any] = {"success": True}
    if data is not None:
        body["data"] = data.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return {"status": status, "body": body}


def _json(data: BaseModel | Sequence[BaseModel]) -> str:
    if isinstance(data, BaseModel):
        return data.model_dump_json(by_alias=True, exclude_unset=True)
    return f"[{','.join(map(_json, data))}]"
