"""Tasks of employees whom an integrator works for: what its agents send and get."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from chalicelib.core.domain.cursors import foreign_cursor, from_cursor, to_cursor
from chalicelib.core.domain.fields import Address, In, Line, Omittable, Out, Query
from chalicelib.core.domain.pages import PageRequest, Start
from chalicelib.people.domain.directory import Person
from chalicelib.tasks.domain.proposals import parse_object
from chalicelib.tasks.domain.queue import Item, ItemStatus, ItemType, Priority
from chalicelib.tasks.domain.queue_messages import MOST_ITEMS_A_PAGE, ItemFilter, ItemIn, ItemOut, new_item
from chalicelib.tasks.domain.settings import QueueState

# Of one integrator in one person's queue: tasks that are not completed.
MOST_OPEN_TASKS = 50
_FARTHEST = 1_000_000
_EMAIL = "The employee's email address. The employee must be approved for a catalog item of your integrator, and allow "
_EMAIL += "agents of integrators in their settings."


class EmployeeTaskIn(In):
    """A task to propose to an employee."""

    email: Annotated[Address, Field(description=_EMAIL)]
    title: Annotated[Line, Field(min_length=1, max_length=500)]
    description: Omittable[Annotated[str, Field(max_length=10_000)]] = None
    type: Annotated[ItemType, Field(strict=False)] = ItemType.TASK
    priority: Annotated[Priority, Field(strict=False)] = Priority.MEDIUM
    details: Omittable[Annotated[dict[str, Any], BeforeValidator(parse_object)]] = Field(
        None, description="An object of your own. It is shown as `details` in the task's metadata."
    )


class EmployeeQuery(Query):
    """Names the employee."""

    email: Annotated[Address, Field(description=_EMAIL)]


class EmployeeTaskQuery(EmployeeQuery):
    """Names the employee, and selects a page of tasks."""

    status: Omittable[ItemStatus] = None
    priority: Omittable[Priority] = None
    type: Omittable[ItemType] = None
    limit: int = Field(50, ge=1, le=MOST_ITEMS_A_PAGE)
    cursor: Omittable[str] = Field(None, description="The `nextCursor` of the previous page. Keep the same filters.")

    @property
    def filter(self) -> ItemFilter:
        """The filter of the employee's queue."""
        return ItemFilter(**self.model_dump(include={"status", "priority", "type"}, mode="json", exclude_none=True))

    def page(self, integrator: str) -> PageRequest:
        """Return the page of the employee's queue.

        Raises:
            Invalid: the cursor was made for another list.
        """
        if self.cursor is None:
            return PageRequest(self.limit)
        (text,) = from_cursor(self.cursor, 1, *self._bound(integrator))
        if not (text.isascii() and text.isdecimal() and len(text) <= len(str(_FARTHEST))):
            raise foreign_cursor()
        return PageRequest(self.limit, Start(min(int(text), _FARTHEST)))

    def next_cursor(self, offset: int, integrator: str) -> str:
        """Return the cursor of the page that begins with this offset.

        A position would be that of an item, which may be a held event that the integrator is not shown.
        """
        return to_cursor((str(offset),), *self._bound(integrator))

    def _bound(self, integrator: str) -> tuple[object, ...]:
        return "employee-tasks", integrator, self.email, self.status, self.priority, self.type


class EmployeeTaskPage(Out):
    """A page of tasks. `nextCursor` is null on the last page; earlier pages may be short."""

    items: list[ItemOut]
    next_cursor: str | None
    request_id: str


@dataclass(frozen=True)
class Employee:
    """An employee whose tasks an integrator may read and propose, with what allows it.

    `approved_by` is the catalog item that the employee is approved for, and `state` has their settings.
    """

    person: Person
    approved_by: str
    state: QueueState


def new_employee_task(
    request: EmployeeTaskIn, *, item_id: str, employee: Employee, integrator: str, now: datetime
) -> Item:
    """Create the item of a proposed task. It starts as other proposals do, and its integrator is its source."""
    status = ItemStatus.READY if employee.state.queue_auto_approve else ItemStatus.PENDING_CONFIRMATION
    asked = ItemIn(
        title=request.title,
        type=request.type,
        description=request.description,
        priority=request.priority,
    )
    item = new_item(asked, item_id=item_id, user_id=employee.person.user_id, status=status, now=now)
    # What the integrator says stands apart: members beside it mean something to the desk and to the console.
    about: dict[str, Any] = {"kind": "integrator_task", "integrator": integrator}
    about |= {"details": request.details} if request.details is not None else {}
    return replace(item, source=integrator, integrator=integrator, metadata=json.dumps(about, ensure_ascii=False))
