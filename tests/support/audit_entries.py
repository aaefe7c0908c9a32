"""What entries of the audit log say of people, which is nothing."""

import json
import re
from typing import Any

from chalicelib.resources import AUDIT
from tests.support.sample_data import CANARY
from tests.support.worker_scenarios import scan_rows


def list_named(demo: dict[str, Any]) -> list[str]:
    """List what entries have of the demo organisation's people, and of the texts of sample requests."""
    rows = json.dumps(list(scan_rows(AUDIT)), default=str, ensure_ascii=False)
    words = set(re.findall(r"\w+", rows))
    people = demo["users"].items()
    told = [text for _, person in people for text in (person["user_id"], person["email"], CANARY) if text in rows]
    return told + [name for name, _ in people if name.capitalize() in words]
