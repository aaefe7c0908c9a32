"""Tasks of employees for their integrators: list and read them, and propose new ones. Integrators confirm nothing."""

from dataclasses import dataclass
from functools import partial

from chalicelib.catalog.services.ports import Approvers
from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.callers import ToolsToken
from chalicelib.core.domain.errors import Conflict, NotFound
from chalicelib.core.domain.idempotency import to_stored_reply
from chalicelib.core.domain.requests import RequestContext
from chalicelib.core.ports import Gather
from chalicelib.live.services.ports import Notifier
from chalicelib.people.services.ports import People
from chalicelib.tasks.domain.employee_tasks import (
    MOST_OPEN_TASKS,
    Employee,
    EmployeeTaskIn,
    EmployeeTaskPage,
    EmployeeTaskQuery,
    new_employee_task,
)
from chalicelib.tasks.domain.queue_messages import ItemOut, to_item_response
from chalicelib.tasks.services.dispatch import plan_dispatch
from chalicelib.tasks.services.ports import QueueItems
from chalicelib.tasks.services.queue import parse_item_id

# Nobody has this id. With it, an unknown address takes the same calls as a known one.
_NOBODY = "00000000-0000-0000-0000-000000000000"
_NO_EMPLOYEE = (
    "No employee with this email address is approved for your integrator and allows agents of integrators. Employees "
    "allow them in the settings of their queue."
)


@dataclass(frozen=True)
class EmployeeTasks:
    """Reads and proposes tasks of the employees whom the caller's integrator may work for.

    Every method has the same refusal for an employee who is unknown, inactive, not approved, or does not allow it, and
    takes the same 2 store calls in sequence to find out.
    """

    caller: ToolsToken
    context: RequestContext
    people: People
    catalog: Approvers
    queue: QueueItems
    gather: Gather

    def list_page(self, query: EmployeeTaskQuery) -> EmployeeTaskPage:
        """List a page of an employee's tasks, without events that are held for moderation.

        Store calls after authentication, in sequence: 4.

        Raises:
            NotFound: there is no such employee for this integrator.
            Invalid: the cursor was made for another list.
        """
        # First whether the caller may know of the employee: a cursor of another integrator is no way to find out.
        employee = self.find_employee(query.email)
        page = query.page(self.caller.integrator)
        listed = self.queue.list_page(employee.person.user_id, query.filter, page)
        shown, pagination = page.fit([to_item_response(item) for item in listed.rows], listed)
        held = {item.item_id for item in listed.rows if item.held_delivery_id is not None}
        following = query.next_cursor(page.start.offset + pagination.limit, self.caller.integrator)
        return EmployeeTaskPage(
            items=[each for each in shown if each.id not in held],
            next_cursor=None if pagination.cursor is None else following,
            request_id=self.context.request_id,
        )

    def read(self, item_id: str, email: str) -> ItemOut:
        """Return one task. Store calls after authentication, in sequence: 3.

        Raises:
            NotFound: there is no such employee for this integrator, or no such task.
        """
        employee = self.find_employee(email)
        item = self.queue.find(employee.person.user_id, parse_item_id(item_id))
        if item is None or item.held_delivery_id is not None:
            raise NotFound("Task not found.")
        return to_item_response(item)

    def propose(self, request: EmployeeTaskIn, *, item_id: str, notifier: Notifier) -> ItemOut:
        """Add a task to an employee's queue. It waits for confirmation, unless the employee approves automatically.

        Store calls after authentication, in sequence: 5; in chief-of-staff mode 2 more if other tasks are ready. A
        conflict with another call repeats all of them.

        Raises:
            NotFound: there is no such employee for this integrator.
            Conflict: the employee has too many open tasks of this integrator.
            AlreadyAnswered: the idempotency key has been used; nothing was done.
        """
        now, integrator = self.context.now, self.caller.integrator
        attempts = Attempts("Too many calls are changing this queue. Try again.")
        while attempts.again():
            employee = self.find_employee(request.email)
            state, user_id = employee.state, employee.person.user_id
            if state.open_tasks.get(integrator, 0) >= MOST_OPEN_TASKS:
                raise Conflict(
                    f"This employee has {MOST_OPEN_TASKS} open tasks of your integrator. Wait until some are completed "
                    "or rejected."
                )
            item = new_employee_task(request, item_id=item_id, employee=employee, integrator=integrator, now=now)
            dispatch = plan_dispatch(item, before=None, state=state, now=now, queue=self.queue)
            response = to_item_response(dispatch.item)
            if self.queue.add(
                dispatch.item,
                further=dispatch.changes,
                by=self.caller.identity,
                seen=state,
                claim=self.context.claim,
                reply=to_stored_reply(201, response),
                also=self.catalog.require_access(employee.approved_by, user_id),
            ):
                notifier.notify(user_id, *dispatch.added_events, log_state=None, now=now)
                return response

    def find_employee(self, email: str) -> Employee:
        """Find an employee who is approved for the integrator and allows it. Store calls in sequence: 2.

        Raises:
            NotFound: there is none, for whatever reason.
        """
        by_email, items = self.gather(
            partial(self.people.find_user_ids, [email]),
            partial(self.catalog.list_linked_items, self.caller.integrator),
        )
        user_id = by_email.get(email, _NOBODY)
        people, approved_by, state = self.gather(
            partial(self.people.find_people, [user_id]),
            partial(self.catalog.find_approving_items, items, [user_id]),
            partial(self.queue.find_state, user_id),
        )
        person = people.get(user_id)
        if person is None or not person.active or user_id not in approved_by or not state.agents_of_integrators:
            raise NotFound(_NO_EMPLOYEE)
        return Employee(person, approved_by[user_id], state)
