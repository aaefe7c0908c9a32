"""The tools: what each is called, what it is for, and the operation that it is."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module

from chalicelib.api.mcp.contract import TOOLS_FAMILY
from chalicelib.edge.operation import Operation


@dataclass(frozen=True)
class Tool:
    """A tool; `operation` is a module of this package's siblings and a name in it.

    What is only read, deleted or changed to a given state follows from the operation's method, unless said otherwise.
    `is_open` marks what reaches systems outside of this desk.
    """

    name: str
    operation: str
    description: str
    is_destructive: bool = False
    is_idempotent: bool = False
    is_open: bool = False

    def load(self) -> Operation:
        """The operation as a tool: it refuses by problem details. Its module is imported now."""
        module, _, name = self.operation.partition(":")
        found: Operation = getattr(import_module(f"chalicelib.api.{module}"), name)
        return replace(found, family=TOOLS_FAMILY)

    def annotations(self, operation: Operation) -> dict[str, bool]:
        """What a client may assume of a call."""
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
        "List the tasks in your person's queue, by status and then the most urgent first. Start here to find work: "
        "tasks with status `ready` may be worked on.",
    ),
    Tool("task_get", "v2.queue:get_queue_item", "Read one task with its description, metadata and any result."),
    Tool(
        "task_create",
        "v2.queue:add_queue_item",
        "Put a task into the queue. It waits for the person's confirmation unless their settings approve at once.",
    ),
    Tool(
        "task_update_status",
        "v2.queue:set_queue_item_status",
        "Move a task: to in_progress when you begin, to blocked when you can't go on, to done_today when it is done.",
        is_idempotent=True,
    ),
    Tool(
        "task_report_result",
        "v2.queue:complete_queue_item",
        "Report what came of a task and end it, or block it with the reason.",
    ),
    Tool(
        "task_confirm",
        "v2.queue:confirm_queue_item",
        "Approve or reject a task that waits for confirmation. Rejecting removes it; ask the person first.",
        is_destructive=True,
    ),
    Tool("settings_get", "v2.queue:get_settings", "Read how the queue is worked off: its mode and its approvals."),
    Tool(
        "settings_update",
        "v2.queue:change_settings",
        "Change how the queue is worked off, such as its mode: cockpit or chief_of_staff.",
    ),
)
INBOX = (
    Tool("inbox_list", "v1.inbox:list_inbox", "List what systems have told your person, newest first."),
    Tool("inbox_get", "v1.inbox:get_inbox_delivery", "Read one delivery of the inbox with all its follow-ups."),
    Tool(
        "inbox_action_click",
        "v1.actions:click_action",
        "Click a button of a delivery, by its index from 0: the source system is called back, or a link is answered.",
        is_idempotent=True,
        is_open=True,
    ),
)
CHAT = (
    Tool("chat_list", "v2.chat:list_messages", "Read the chat that your person shares with their agents."),
    Tool("chat_send", "v2.chat:send_message", "Say something in the chat that your person shares with their agents."),
)
BOARD = (
    Tool("card_list", "v2.kanban:list_cards", "List the cards of the person's board, with checklists and contacts."),
    Tool("card_get", "v2.kanban:get_card", "Read one card of the board, with its checklist and contacts."),
    Tool("card_create", "v2.kanban:create_card", "Put a card on the board."),
    Tool("card_update", "v2.kanban:update_card", "Change a card, or move it to another stage or place."),
    Tool("card_delete", "v2.kanban:delete_card", "Delete a card with its checklist, for good."),
    Tool("checklist_item_add", "v2.kanban:add_checklist_item", "Add an item to a card's checklist."),
    Tool("checklist_item_update", "v2.kanban:update_checklist_item", "Tick a checklist item, or change its text."),
    Tool("checklist_item_delete", "v2.kanban:delete_checklist_item", "Take an item off a card's checklist."),
    Tool("card_contact_link", "v2.card_contacts:link_contact", "Link a contact to a card, with a role in it."),
    Tool("card_contact_update", "v2.card_contacts:update_card_contact", "Change the role a contact has in a card."),
    Tool("card_contact_unlink", "v2.card_contacts:unlink_contact", "End the link between a contact and a card."),
)
CONTACTS = (
    Tool("contact_list", "v2.contacts:list_contacts", "List or search the people and companies of your person."),
    Tool("contact_get", "v2.contacts:get_contact", "Read one contact, with all that is known of them."),
    Tool("contact_create", "v2.contacts:create_contact", "Add a person or a company to the contacts."),
    Tool("contact_update", "v2.contacts:update_contact", "Change a contact; what is left out stays."),
    Tool("contact_delete", "v2.contacts:delete_contact", "Delete a contact and its links to cards, for good."),
)
NETWORK = (
    Tool(
        "connection_list",
        "v2.connections:list_connections",
        "List whom of other desks you may send relays to; with another status, such as pending, who is asked or asks.",
    ),
    Tool(
        "connection_request",
        "v2.connection_requests:ask_for_connection",
        "Ask somebody of another desk to be connected with your person. It tells them the person's name and address.",
        is_idempotent=True,
        is_open=True,
    ),
    Tool(
        "connection_update",
        "v2.connections:change_connection",
        "Accept, decline or block a connection; ask the person first. Declining also ends one that is active.",
        is_destructive=True,
        is_open=True,
    ),
    Tool("relay_list", "v2.sent_relays:list_relays", "List the relays sent and received, newest first."),
    Tool(
        "relay_send",
        "v2.sent_relays:send_relay",
        "Send a relay to somebody of another desk over one of the connections. It leaves this organisation.",
        is_open=True,
    ),
    Tool("mention_search", "v2.mentions:list_mentions", "Search whom a message may mention: people, teams, agents."),
    Tool("profile_get", "v2.profile:get_profile", "Read your person's profile and what they let reach them."),
    Tool("profile_update", "v2.profile:update_profile", "Change your person's profile; what is left out stays."),
)
PROJECTS = (
    Tool("project_list", "v2.projects:list_projects", "List the projects that you can see."),
    Tool("project_get", "v2.projects:get_project", "Read one project, by its slug."),
    Tool("project_member_list", "v2.projects:list_project_members", "List who belongs to a project, and as what."),
)
FEEDBACK = (
    Tool(
        "feedback_submit",
        "v2.feedback:submit_feedback",
        "Tell the desk's administrators what is wrong, missing or good, such as a tool that did not do as described.",
    ),
    Tool("feedback_list", "v2.feedback:list_feedback", "List the feedback you have given; administrators: all of it."),
)
EVENTS = (
    Tool(
        "event_publish",
        "v1.bulk:publish_addressed",
        "Publish one event into the inbox of one employee, or of a project's members. The same event_id to the same "
        "person is one delivery, however often it is sent.",
        is_idempotent=True,
    ),
    Tool(
        "event_publish_bulk",
        "v1.bulk:publish_bulk",
        "Publish one event into the inboxes of many; each row of the reply says what became of one person's delivery.",
        is_idempotent=True,
    ),
    Tool("event_get", "v1.events:get_event", "Read a delivery that you have sent, with its follow-ups."),
    Tool(
        "event_resolve",
        "v1.events:resolve_event",
        "Mark a delivery that you have sent as dealt with. The first note stays.",
        is_idempotent=True,
    ),
    Tool("event_supplement", "v1.events:supplement_event", "Add a follow-up to a delivery that you have sent."),
    Tool("event_type_list", "v1.event_types:list_event_types", "List the event types of the last 90 days with counts."),
    Tool("integrator_list", "v1.integrators:list_integrators", "List the systems that may publish here."),
)
CATALOG = (
    Tool("catalog_item_list", "v1.catalog:list_catalog_items", "List what employees may be given access to."),
    Tool("catalog_item_get", "v1.catalog:get_catalog_item", "Read one item of the catalog, by its slug."),
    Tool(
        "catalog_item_create", "v1.catalog:create_catalog_item", "Add an item to the catalog, under a slug of its own."
    ),
    Tool("catalog_item_update", "v1.catalog:update_catalog_item", "Change an item of the catalog; the rest stays."),
    Tool(
        "catalog_item_delete",
        "v1.catalog:delete_catalog_item",
        "Archive an item of the catalog, or with hard=true remove it where nothing hangs on it.",
    ),
    Tool("catalog_approval_list", "v1.approvals:list_catalog_approvals", "List applications and approvals."),
    Tool(
        "assign_catalog_to_employee",
        "v1.approvals:assign_catalog_approval",
        "Give an employee access to an item of the catalog, with or without an application.",
        is_idempotent=True,
    ),
    Tool(
        "revoke_catalog_from_employee",
        "v1.approvals:revoke_catalog_approval",
        "End an employee's access to an item; the personal tokens that rest on it stop working.",
    ),
    Tool(
        "catalog_request_submit",
        "v1.approvals:request_catalog_item",
        "Apply for your person's access to an item of the catalog.",
        is_idempotent=True,
    ),
    Tool(
        "catalog_request_review",
        "v1.approvals:review_catalog_request",
        "Approve or reject an application, by its id.",
        is_idempotent=True,
    ),
)
TOOLS: Mapping[str, Tool] = {
    tool.name: tool
    for group in (TASKS, INBOX, CHAT, BOARD, CONTACTS, NETWORK, PROJECTS, FEEDBACK, EVENTS, CATALOG)
    for tool in group
}


def operation_of(name: str) -> Operation | None:
    """The operation that this tool is; None when there is no such tool."""
    tool = TOOLS.get(name)
    return _loaded(tool) if tool else None


@cache
def _loaded(tool: Tool) -> Operation:
    return tool.load()
