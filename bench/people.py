"""Create many employees, for bulk sends."""

import json
import sys
from datetime import UTC, datetime
from functools import partial
from uuid import uuid4

from chalicelib.catalog.domain.approvals import ApprovalStatus, new_request
from chalicelib.catalog.stores.approvals import DynamoApprovals
from chalicelib.parallel import gather
from chalicelib.people.domain.directory import Person
from chalicelib.people.stores.directory import DynamoDirectory


def add_approved_people(count: int) -> list[dict[str, str]]:
    """Create employees who are approved for integrator fd1, and return them as bulk recipients."""
    return gather(*(partial(_add_approved_person, number) for number in range(count)))


def _add_approved_person(number: int) -> dict[str, str]:
    now = datetime.now(UTC)
    person = Person(str(uuid4()), f"person-{number}-{uuid4().hex[:8]}@example.com", f"Person {number}")
    DynamoDirectory().add_person(person)
    asked = new_request("fd1", person.user_id, person.email, over=None, now=now)
    decided = asked.with_decision(ApprovalStatus.APPROVED, by_email="alice@example.com", now=now)
    DynamoApprovals().save(decided, over=None, claim=None, reply={})
    return {"type": "email", "email": person.email}


if __name__ == "__main__":
    print(json.dumps(add_approved_people(int(sys.argv[1]))))
