"""The TypeScript client: its types are those of the documents, and it is checked and run by Node.js against a desk."""

from pathlib import Path

import pytest

from infra import clients
from infra.client_documents import prepared_documents
from tests.clients.served.conftest import run_node
from tests.support.started_desk import StartedDesk

pytestmark = pytest.mark.engine("embedded")


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_committed_types_are_what_the_generator_makes(version: str, compiled: Path) -> None:
    made = clients.render_typescript(version, prepared_documents()[version])
    assert clients.types_file(version).read_text(encoding="utf-8") == made, "Run: make clients"


def test_the_client_works_with_a_desk(compiled: Path, started: StartedDesk, url: str) -> None:
    files = sorted(str(each) for each in (compiled / "test").glob("*.test.js"))
    assert len(files) == 3
    run_node(
        *("node", "--test", *files),
        FLUXDEN_URL=url,
        ALICE_KEY=started.alice_key,
        ALICE_TOKEN=started.alice,
        TOOLS_TOKEN=started.demo["tools_tokens"]["fd1"],
    )
