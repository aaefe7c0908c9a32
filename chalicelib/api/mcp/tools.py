"""The MCP tools: name, description and operation of each."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module

from chalicelib.api.mcp.contract import TOOLS_FAMILY
from chalicelib.edge.operation import Operation


@dataclass(frozen=True)
class Tool:
    """A tool. `operation` is a module under `chalicelib.api` and a name in it.

    The read-only, destructive and idempotent hints follow from the operation's method, unless set here. `is_open` marks
    tools that reach other systems.
    """

    name: str
    operation: str
    description: str
    is_destructive: bool = False
    is_idempotent: bool = False
    is_open: bool = False

    def load(self) -> Operation:
        """Import the operation's module, and return the operation with problem details as its errors."""
        module, _, name = self.operation.partition(":")
        found: Operation = getattr(import_module(f"chalicelib.api.{module}"), name)
        return replace(found, family=TOOLS_FAMILY)

    def annotations(self, operation: Operation) -> dict[str, bool]:
        """Return the hints about a call that MCP clients show."""
        reads = operation.method == "GET"
        return {
            "readOnlyHint": reads,
            "destructiveHint": not reads and (self.is_destructive or operation.method == "DELETE"),
            "idempotentHint": reads or self.is_idempotent or operation.method in ("PATCH", "DELETE"),
            "openWorldHint": self.is_open,
        }


TASKS = (
    Tool(
        "task_list",
        "v2.queue:list_queue",
        "List tasks in your person's queue, sorted by status and then by priority. Use it first to find work: you can "
        "work on tasks with the status `ready`. Filter by status, priority or type.",
    ),
    Tool(
        "task_get",
        "v2.queue:get_queue_item",
        "Get one task by its id, with its description, metadata and result. Use it before you start on a task from "
        "task_list.",
    ),
    Tool(
        "task_create",
        "v2.queue:add_queue_item",
        "Add a task to the queue. Only a title is required. It waits for the person's confirmation, unless their "
        "settings approve tasks automatically. Before you do something of consequence, say in metadata.proposal what "
        "you want to do: tool, arguments, why. Then call task_wait.",
    ),
    Tool(
        "task_wait",
        "v2.approvals:get_approval",
        "Wait for the decision about a task, with waitSeconds of 20. If `state` is approved, use the arguments in the "
        "task's metadata: the person may have edited them. If it is waiting, see whether the last comment is a "
        "question to you, answer it with task_comment, and call task_wait again with seenComments. If it is rejected "
        "or expired, don't do it.",
    ),
    Tool(
        "task_comment",
        "v2.approvals:add_comment",
        "Answer a question of your person about a task, or ask one.",
    ),
    Tool(
        "task_update_status",
        "v2.queue:set_queue_item_status",
        "Change the status of a task. Set in_progress before you start. If `claimedByCaller` is false then, another "
        "agent works on it: choose another task. Set blocked when you can't continue, and done_today when it is done. "
        "To hand in a result, use task_report_result.",
        is_idempotent=True,
    ),
    Tool(
        "task_report_result",
        "v2.queue:complete_queue_item",
        "Hand in the result of a task and complete it, or block it with a reason. Use it when you finish work or "
        "can't finish it.",
    ),
    Tool(
        "task_confirm",
        "v2.queue:confirm_queue_item",
        "Approve or reject a task that waits for confirmation. Rejecting deletes the task. Ask the person before you "
        "call this.",
        is_destructive=True,
    ),
    Tool(
        "delegated_task_list",
        "v2.delegated_tasks:list_delegated_tasks",
        "List the proposals of colleagues who let your person decide for them, with whose they are. They are not in "
        "your person's own queue.",
    ),
    Tool(
        "delegated_task_confirm",
        "v2.delegated_tasks:confirm_delegated_task",
        "Approve or reject a proposal from delegated_task_list, in the name of your person. The colleague and their "
        "agent see who decided. Rejecting removes it. Ask the person before you call this.",
        is_destructive=True,
    ),
    Tool(
        "settings_get",
        "v2.queue:get_settings",
        "Get the queue settings: the mode, whether new tasks are approved automatically, and whether integrators may "
        "propose tasks.",
    ),
    Tool(
        "settings_update",
        "v2.queue:change_settings",
        "Change the queue settings, for example the mode: cockpit (the person dispatches tasks) or chief_of_staff "
        "(tasks are dispatched one after another).",
    ),
)
EMPLOYEE_TASKS = (
    Tool(
        "employee_task_list",
        "v1.employee_tasks:list_employee_tasks",
        "List the tasks of an employee whom you name by email. The employee must be approved for a catalog item of "
        "your integrator, and allow agents of integrators.",
    ),
    Tool(
        "employee_task_get",
        "v1.employee_tasks:get_employee_task",
        "Get one task of an employee by its id, with its result once an agent has completed it.",
    ),
    Tool(
        "employee_task_create",
        "v1.employee_tasks:propose_employee_task",
        "Propose a task to an employee whom you name by email. It waits for the employee's confirmation, which only "
        "the employee can give.",
    ),
)
INBOX = (
    Tool(
        "inbox_list",
        "v1.inbox:list_inbox",
        "List notifications from your person's systems, newest first. Filter by status, severity, event type, label "
        "or words. Use inbox_get for the full content.",
    ),
    Tool(
        "inbox_get",
        "v1.inbox:get_inbox_delivery",
        "Get one notification by its deliveryId, with its full content, action buttons and follow-ups.",
    ),
    Tool(
        "inbox_action_click",
        "v1.actions:click_action",
        "Click an action button of a notification. Give the deliveryId and the button's index, counted from 0. A "
        "webhook button calls the source system, and a url button returns its link. Ask the person before you approve "
        "or reject anything.",
        is_idempotent=True,
        is_open=True,
    ),
)
CHAT = (
    Tool(
        "chat_list",
        "v2.chat:list_messages",
        "List messages of the chat that your person shares with their agents. The first page contains the newest "
        "messages.",
    ),
    Tool(
        "chat_send",
        "v2.chat:send_message",
        "Send a message to the chat that your person shares with their agents. Use it to report or ask something.",
    ),
)
BOARD = (
    Tool(
        "card_list",
        "v2.kanban:list_cards",
        "List the cards on the person's board, with checklists and contacts. Filter by stage, priority or assignee.",
    ),
    Tool(
        "card_get",
        "v2.kanban:get_card",
        "Get one card by its id, with its checklist and contacts.",
    ),
    Tool(
        "card_create",
        "v2.kanban:create_card",
        "Create a card on the board. Only a title is required. It is the last one, unless you name the card to place "
        "it `after` or `before`.",
    ),
    Tool(
        "card_update",
        "v2.kanban:update_card",
        "Update a card, or move it: `status` is its stage, and `after` or `before` the id of the card to place it next "
        "to. Members that you leave out keep their values.",
    ),
    Tool(
        "card_delete",
        "v2.kanban:delete_card",
        "Delete a card with its checklist. This can't be undone.",
    ),
    Tool(
        "checklist_item_add",
        "v2.kanban:add_checklist_item",
        "Add an item to a card's checklist.",
    ),
    Tool(
        "checklist_item_update",
        "v2.kanban:update_checklist_item",
        "Update a checklist item: set `completed`, change its text, or place it `after` or `before` another item.",
    ),
    Tool(
        "checklist_item_delete",
        "v2.kanban:delete_checklist_item",
        "Delete an item from a card's checklist. This can't be undone.",
    ),
    Tool(
        "card_contact_link",
        "v2.card_contacts:link_contact",
        "Link a contact to a card, with an optional role. Get the contact's id from contact_list.",
    ),
    Tool(
        "card_contact_update",
        "v2.card_contacts:update_card_contact",
        "Change a contact's role or involvement on a card.",
    ),
    Tool(
        "card_contact_unlink",
        "v2.card_contacts:unlink_contact",
        "Remove a contact from a card. Neither is deleted.",
    ),
)
CONTACTS = (
    Tool(
        "contact_list",
        "v2.contacts:list_contacts",
        "List or search the person's contacts: people and companies, with their cards. Use `search` for words and "
        "`tag` for a tag.",
    ),
    Tool(
        "contact_get",
        "v2.contacts:get_contact",
        "Get one contact by its id, with all details and cards.",
    ),
    Tool(
        "contact_create",
        "v2.contacts:create_contact",
        "Create a contact for a person or a company. Only a name is required.",
    ),
    Tool(
        "contact_update",
        "v2.contacts:update_contact",
        "Update a contact. Members that you leave out keep their values.",
    ),
    Tool(
        "contact_delete",
        "v2.contacts:delete_contact",
        "Delete a contact and its links to cards. This can't be undone.",
    ),
)
NETWORK = (
    Tool(
        "connection_list",
        "v2.connections:list_connections",
        "List connections with people of other instances. You can send relays over active ones. Use `status` to see "
        "pending requests, or all.",
    ),
    Tool(
        "connection_request",
        "v2.connection_requests:ask_for_connection",
        "Request a connection with a person of another instance. It sends them the name and address of your person.",
        is_idempotent=True,
        is_open=True,
    ),
    Tool(
        "connection_update",
        "v2.connections:change_connection",
        "Accept, decline or block a connection. Declining an active connection ends it. Ask the person before you "
        "call this.",
        is_destructive=True,
        is_open=True,
    ),
    Tool(
        "relay_list",
        "v2.sent_relays:list_relays",
        "List relays that were sent or received, newest first, with their status.",
    ),
    Tool(
        "relay_send",
        "v2.sent_relays:send_relay",
        "Send a relay, such as a task or a question, over an active connection. Its content leaves this organisation. "
        "Get the connectionId from connection_list.",
        is_open=True,
    ),
    Tool(
        "mention_search",
        "v2.mentions:list_mentions",
        "Search for people, teams, agents or commands to mention in a message.",
    ),
    Tool(
        "profile_get",
        "v2.profile:get_profile",
        "Get the person's profile, including which relays may reach them.",
    ),
    Tool(
        "profile_update",
        "v2.profile:update_profile",
        "Update the person's profile. Members that you leave out keep their values.",
    ),
    Tool(
        "preferences_get",
        "v1.preferences:get_preferences",
        "Get how notifications reach the person beyond the inbox: rules, quiet hours, a pause, and the number muted.",
    ),
    Tool(
        "event_type_list",
        "v2.declared_types:list_declared_types",
        "List the event types that integrators declare, with names, for the rules of preferences.",
    ),
    Tool(
        "preferences_set",
        "v1.preferences:replace_preferences",
        "Replace all of the person's preferences for notifications. Call preferences_get first, change what the person "
        "asked for, and send everything back with its `version`. Before you mute something, ask the person.",
        is_destructive=True,
        is_idempotent=True,
    ),
)
PROJECTS = (
    Tool(
        "project_list",
        "v2.projects:list_projects",
        "List the projects that you can see.",
    ),
    Tool(
        "project_get",
        "v2.projects:get_project",
        "Get one project by its slug.",
    ),
    Tool(
        "project_member_list",
        "v2.projects:list_project_members",
        "List the members of a project with their roles.",
    ),
)
FEEDBACK = (
    Tool(
        "feedback_submit",
        "v2.feedback:submit_feedback",
        "Report a problem, a missing feature or praise to the administrators. Use it, for example, when a tool "
        "doesn't work as described.",
    ),
    Tool(
        "feedback_list",
        "v2.feedback:list_feedback",
        "List the feedback that you submitted. Administrators see all feedback.",
    ),
)
EVENTS = (
    Tool(
        "event_publish",
        "v1.bulk:publish_addressed",
        "Publish an event to the inbox of one employee, or of all members of a project. Give a stable event_id: "
        "repeating it for the same person creates no second notification.",
        is_idempotent=True,
    ),
    Tool(
        "event_publish_bulk",
        "v1.bulk:publish_bulk",
        "Publish one event to many inboxes. Each row of the result is the outcome for one recipient.",
        is_idempotent=True,
    ),
    Tool(
        "event_get",
        "v1.events:get_event",
        "Get a delivery that you sent, with its status and follow-ups.",
    ),
    Tool(
        "event_list",
        "v1.sent:list_sent_events",
        "List the deliveries that your integrator sent, newest first. Filter by label (name:value), event type, event "
        "id, recipient, status or time. Use event_get for the full content.",
    ),
    Tool(
        "event_resolve",
        "v1.events:resolve_event",
        "Mark a delivery that you sent as resolved, with an optional note. The first note stays.",
        is_idempotent=True,
    ),
    Tool(
        "event_supplement",
        "v1.events:supplement_event",
        "Add a follow-up in Markdown to a delivery that you sent.",
    ),
    Tool(
        "event_type_list",
        "v1.event_types:list_event_types",
        "List the event types of the last 90 days with their number of deliveries.",
    ),
    Tool(
        "integrator_list",
        "v1.integrators:list_integrators",
        "List the integrators, which are the systems that can publish events here.",
    ),
)
CATALOG = (
    Tool(
        "catalog_item_list",
        "v1.catalog:list_catalog_items",
        "List catalog items, which employees can get access to.",
    ),
    Tool(
        "catalog_item_get",
        "v1.catalog:get_catalog_item",
        "Get one catalog item by its slug.",
    ),
    Tool(
        "catalog_item_create",
        "v1.catalog:create_catalog_item",
        "Create a catalog item. Its slug must be new and can't be changed later.",
    ),
    Tool(
        "catalog_item_update",
        "v1.catalog:update_catalog_item",
        "Update a catalog item. Members that you leave out keep their values.",
    ),
    Tool(
        "catalog_item_delete",
        "v1.catalog:delete_catalog_item",
        "Archive a catalog item, or delete it with hard=true if no approvals, assets or tokens depend on it.",
    ),
    Tool(
        "catalog_approval_list",
        "v1.approvals:list_catalog_approvals",
        "List access requests and approvals. Filter by employee, catalog item or status.",
    ),
    Tool(
        "assign_catalog_to_employee",
        "v1.approvals:assign_catalog_approval",
        "Grant an employee access to a catalog item, with or without a request.",
        is_idempotent=True,
    ),
    Tool(
        "revoke_catalog_from_employee",
        "v1.approvals:revoke_catalog_approval",
        "Revoke an employee's access to a catalog item. Personal tokens that depend on it stop working.",
    ),
    Tool(
        "catalog_request_submit",
        "v1.approvals:request_catalog_item",
        "Request access to a catalog item for your person. It may wait for a review.",
        is_idempotent=True,
    ),
    Tool(
        "catalog_request_review",
        "v1.approvals:review_catalog_request",
        "Approve or reject an access request. Get its id from catalog_approval_list.",
        is_idempotent=True,
    ),
)
TOOLS: Mapping[str, Tool] = {
    tool.name: tool
    for group in (TASKS, EMPLOYEE_TASKS, INBOX, CHAT, BOARD, CONTACTS, NETWORK, PROJECTS, FEEDBACK, EVENTS, CATALOG)
    for tool in group
}


def find_operation(name: str) -> Operation | None:
    """Return the operation of a tool, or None if there is no such tool."""
    tool = TOOLS.get(name)
    return _loaded(tool) if tool else None


@cache
def _loaded(tool: Tool) -> Operation:
    return tool.load()
