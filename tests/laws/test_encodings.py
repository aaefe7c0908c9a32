"""JSON states its encoding wherever it comes from: operations, the gateways, and the local management API.

Replies of operations are checked by the `api` fixture, in every test.
"""

import re
from http import HTTPStatus
from pathlib import Path

import pytest

from chalicelib.core.domain.errors import Invalid
from infra.local import gateway, management_api
from infra.template.gateways import _responses

ROOT = Path(__file__).parents[2]
# A header of a reply that is JSON, written without an encoding.
_PLAIN = re.compile(r"""[Cc]ontent-[Tt]ype["']\]?\s*[:=]\s*["']application/[a-z+.-]*json["']""")


@pytest.mark.parametrize("path", ["/api/v1/none", "/api/v2/none", "/mcp", "/none"])
def test_errors_of_the_local_gateway_state_it(path: str) -> None:
    reply = gateway.error_response(Invalid("x"), path)
    assert reply["headers"]["Content-Type"].endswith("json; charset=utf-8")


def test_errors_of_api_gateway_state_it() -> None:
    for kind, response in _responses().items():
        stated = response["responseParameters"]["gatewayresponse.header.Content-Type"]
        assert stated == "'application/json; charset=utf-8'", kind


def test_errors_of_the_management_api_state_it() -> None:
    _, headers, _ = management_api._error_response(HTTPStatus.GONE, "GoneException", "x")
    assert headers["Content-Type"] == "application/json; charset=utf-8"


def test_no_reply_is_written_with_plain_json_as_its_type() -> None:
    served = [*(ROOT / "chalicelib").rglob("*.py"), *(ROOT / "infra" / "local").glob("*.py")]
    served += (ROOT / "infra" / "container").glob("*.py")
    # Requests of our own are not replies.
    requests = {"chalicelib/core/gateways/http.py", "chalicelib/api/mcp/calling.py", "infra/local/cloud.py"}
    plain = {str(path.relative_to(ROOT)) for path in served if _PLAIN.search(path.read_text(encoding="utf-8"))}
    assert plain - requests == set()
