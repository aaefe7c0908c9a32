"""v1 "tasks": tasks of employees who let agents of integrators work for them (an addition to the contract)."""

from uuid import uuid4

from chalice.app import Blueprint

from chalicelib.api.v1.contract import REMEMBER, SPEND, operation
from chalicelib.catalog.stores.catalog import DynamoCatalog
from chalicelib.core.domain.callers import ToolsToken
from chalicelib.core.domain.errors import Conflict, NotFound, TooLarge
from chalicelib.core.domain.requests import RequestContext
from chalicelib.edge.operation import from_stored_reply
from chalicelib.live.gateways.socket_work import FRAME_JOBS
from chalicelib.live.gateways.sockets import ApiGatewaySockets
from chalicelib.live.gateways.web_push import PUSH_JOBS, REACH_JOBS
from chalicelib.live.services.notifier import Notifier
from chalicelib.live.stores.frames import DynamoFrames
from chalicelib.live.stores.sockets import DynamoSockets
from chalicelib.parallel import gather
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.resources import CATALOG, DIRECTORY, NOTIFY, NUDGE, ORDER_INDEX, QUEUE_ITEMS, TYPE_INDEX
from chalicelib.tasks.domain.employee_tasks import EmployeeQuery, EmployeeTaskIn, EmployeeTaskPage, EmployeeTaskQuery
from chalicelib.tasks.domain.queue_messages import ItemOut
from chalicelib.tasks.services.employee_tasks import EmployeeTasks
from chalicelib.tasks.stores.queue import DynamoQueue

bp = Blueprint(__name__)

_TASKS = "/api/v1/tasks"
_FIND = SPEND + DIRECTORY.can("BatchGetItem") + CATALOG.can("GetItem", "BatchGetItem") + QUEUE_ITEMS.can("GetItem")


def _tasks(caller: ToolsToken, context: RequestContext) -> EmployeeTasks:
    return EmployeeTasks(caller, context, DynamoDirectory(), DynamoCatalog(), DynamoQueue(), gather)


@operation(
    bp,
    "GET",
    _TASKS,
    tag="tasks",
    answers={200: "A page of tasks."},
    refusals=(NotFound,),
    grants=_FIND
    + QUEUE_ITEMS.can("BatchGetItem")
    + QUEUE_ITEMS.can("Query", index=ORDER_INDEX)
    + QUEUE_ITEMS.can("Query", index=TYPE_INDEX),
)
def list_employee_tasks(query: EmployeeTaskQuery, caller: ToolsToken, context: RequestContext) -> EmployeeTaskPage:
    """List the tasks of an employee.

    The employee must be approved for a catalog item of your integrator, and have `agentsOfIntegrators` on in their
    settings; otherwise the reply is 404. Tasks are sorted by status, then by priority, then oldest first. Events that
    are held for moderation are left out.
    """
    return _tasks(caller, context).list_page(query)


@operation(
    bp,
    "POST",
    _TASKS,
    tag="tasks",
    status=201,
    answers={201: "The task."},
    refusals=(NotFound, Conflict, TooLarge),
    replay=from_stored_reply,
    grants=_FIND
    + REMEMBER
    + NOTIFY
    + NUDGE
    + QUEUE_ITEMS.can("PutItem", "UpdateItem", "BatchGetItem")
    + QUEUE_ITEMS.can("Query", index=ORDER_INDEX)
    + CATALOG.can("ConditionCheckItem")
    + DIRECTORY.can("ConditionCheckItem"),
)
def propose_employee_task(body: EmployeeTaskIn, caller: ToolsToken, context: RequestContext) -> ItemOut:
    """Propose a task to an employee.

    The employee must be approved for a catalog item of your integrator, and have `agentsOfIntegrators` on in their
    settings; otherwise the reply is 404. The task names your integrator as its `source`, and waits for the employee's
    confirmation, unless the employee approves tasks automatically. An employee can have 50 open tasks of an integrator.
    """
    notifier = Notifier(DynamoFrames(), DynamoSockets(), ApiGatewaySockets(), gather, FRAME_JOBS, PUSH_JOBS, REACH_JOBS)
    return _tasks(caller, context).propose(body, item_id=str(uuid4()), notifier=notifier)


@operation(
    bp,
    "GET",
    f"{_TASKS}/{{taskId}}",
    tag="tasks",
    answers={200: "The task."},
    refusals=(NotFound,),
    grants=_FIND,
)
def get_employee_task(taskId: str, query: EmployeeQuery, caller: ToolsToken, context: RequestContext) -> ItemOut:  # noqa: N803 - as other paths
    """Retrieve a task of an employee.

    The employee must be approved for a catalog item of your integrator, and have `agentsOfIntegrators` on in their
    settings; otherwise the reply is 404.
    """
    return _tasks(caller, context).read(taskId, query.email)
