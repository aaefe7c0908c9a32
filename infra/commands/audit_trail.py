"""Record what the admin commands change in the audit log.

Every command that changes something is in `COMMAND_KINDS`, the others in `NOT_AUDITED`. A test holds both.
"""

import getpass
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import wraps
from typing import Any
from uuid import uuid4

import click

from chalicelib.core.domain.audit import Actor, ActorKind, AuditEntry, Subject, to_details
from chalicelib.core.domain.audit_kinds import AuditKind
from chalicelib.core.stores.audit_log import recording
from chalicelib.core.stores.audit_trail import Draft, current

COMMAND_KINDS = {
    "agents add": AuditKind.AGENT_ADD,
    "agents approve": AuditKind.AGENT_APPROVE,
    "agents reject": AuditKind.AGENT_REJECT,
    "agents remove": AuditKind.AGENT_REMOVE,
    "agents suspend": AuditKind.AGENT_SUSPEND,
    "approvals grant": AuditKind.APPROVAL_ASSIGN,
    "approvals review": AuditKind.APPROVAL_APPROVE,
    "approvals revoke": AuditKind.APPROVAL_REVOKE,
    "catalog archive": AuditKind.CATALOG_ITEM_ARCHIVE,
    "catalog create": AuditKind.CATALOG_ITEM_CREATE,
    "catalog link": AuditKind.CATALOG_ITEM_UPDATE,
    "connections accept": AuditKind.CONNECTION_ACCEPT,
    "connections block": AuditKind.CONNECTION_BLOCK,
    "connections decline": AuditKind.CONNECTION_DECLINE,
    "connections remove": AuditKind.CONNECTION_REMOVE,
    "callbacks pause": AuditKind.CALLBACK_PAUSE,
    "callbacks replay": AuditKind.CALLBACK_REPLAY,
    "callbacks resume": AuditKind.CALLBACK_RESUME,
    "dead-letters redrive": AuditKind.DEAD_LETTERS_REDRIVE,
    "employees activate": AuditKind.PERSON_ACTIVATE,
    "employees create": AuditKind.PERSON_CREATE,
    "employees deactivate": AuditKind.PERSON_DEACTIVATE,
    "employees end-sessions": AuditKind.SESSION_END,
    "employees erase": AuditKind.PERSON_ERASE,
    "employees export": AuditKind.PERSON_EXPORT,
    "employees import": AuditKind.PERSON_CREATE,
    "employees operator": AuditKind.OPERATOR_CHANGE,
    "employees rename": AuditKind.PERSON_UPDATE,
    "employees sign-in-link": AuditKind.SIGN_IN_LINK_CREATE,
    "federation block": AuditKind.ORIGIN_BLOCK,
    "federation rotate-key": AuditKind.FEDERATION_ROTATE_KEY,
    "federation set": AuditKind.FEDERATION_SET,
    "federation unblock": AuditKind.ORIGIN_UNBLOCK,
    "hub join": AuditKind.HUB_JOIN,
    "hub leave": AuditKind.HUB_LEAVE,
    "instances approve": AuditKind.INSTANCE_APPROVE,
    "instances remove": AuditKind.INSTANCE_REMOVE,
    "instances suspend": AuditKind.INSTANCE_SUSPEND,
    "integrators archive": AuditKind.INTEGRATOR_ARCHIVE,
    "ingest-tokens create": AuditKind.INGEST_TOKEN_CREATE,
    "ingest-tokens route": AuditKind.INGEST_TOKEN_ROUTE,
    "ingest-tokens end": AuditKind.INGEST_TOKEN_END,
    "integrators create": AuditKind.INTEGRATOR_CREATE,
    "integrators set": AuditKind.INTEGRATOR_UPDATE,
    "keys create": AuditKind.KEY_CREATE,
    "keys delete": AuditKind.KEY_DELETE,
    "keys disable": AuditKind.KEY_DISABLE,
    "keys enable": AuditKind.KEY_ENABLE,
    "mail off": AuditKind.MAIL_REMOVE,
    "mail ses": AuditKind.MAIL_SET,
    "mail smtp": AuditKind.MAIL_SET,
    "personal-tokens disable": AuditKind.PERSONAL_TOKEN_DISABLE,
    "personal-tokens enable": AuditKind.PERSONAL_TOKEN_ENABLE,
    "projects add-member": AuditKind.PROJECT_ADD_MEMBER,
    "projects create": AuditKind.PROJECT_CREATE,
    "projects remove-member": AuditKind.PROJECT_REMOVE_MEMBER,
    "relays give-up": AuditKind.RELAY_GIVE_UP,
    "relays resend": AuditKind.RELAY_RESEND,
    "reseal": AuditKind.SECRETS_RESEAL,
    "retention apply": AuditKind.RETENTION_APPLY,
    "scim groups map": AuditKind.GROUP_UPDATE,
    "scim groups unmap": AuditKind.GROUP_UPDATE,
    "scim-tokens create": AuditKind.DIRECTORY_TOKEN_CREATE,
    "scim-tokens revoke": AuditKind.DIRECTORY_TOKEN_REVOKE,
    "scim-tokens rotate": AuditKind.DIRECTORY_TOKEN_ROTATE,
    "sso add": AuditKind.PROVIDER_SAVE,
    "sso remove": AuditKind.PROVIDER_REMOVE,
    "tables drop": AuditKind.TABLES_DROP,
    "tables put-back": AuditKind.TABLES_PUT_BACK,
    "tables restore": AuditKind.TABLES_RESTORE,
    "teams reveal": AuditKind.TEAM_REVEAL,
    "tools-tokens create": AuditKind.TOOLS_TOKEN_ISSUE,
    "tools-tokens disable": AuditKind.TOOLS_TOKEN_DISABLE,
    "tools-tokens enable": AuditKind.TOOLS_TOKEN_ENABLE,
    "tools-tokens rotate": AuditKind.TOOLS_TOKEN_ROTATE,
    "web-push keys": AuditKind.WEB_PUSH_KEYS_CREATE,
    "webhook-secret rotate": AuditKind.WEBHOOK_SECRET_ROTATE,
    "webhook-secret show": AuditKind.WEBHOOK_SECRET_SHOW,
}
# They read, or only bring derived rows up to date.
NOT_AUDITED = {
    "agents list",
    "agents offered",
    "approvals list",
    "audit export",
    "audit list",
    "bounds list",
    "bounds people",
    "callbacks endpoints",
    "callbacks replay-status",
    "catalog list",
    "connections list",
    "contacts reindex",
    "dead-letters list",
    "dead-letters show",
    "deliveries index",
    "demo",
    "doctor",
    "ingest-tokens show",
    "employees erasures",
    "employees list",
    "employees show",
    "event-types recount",
    "federation show",
    "hub show",
    "instances list",
    "integrators list",
    "keys list",
    "mail report",
    "mail show",
    "mail test",
    "network status",
    "personal-tokens list",
    "projects list",
    "relays desks",
    "relays list",
    "retention show",
    "scim groups list",
    "scim-tokens list",
    "secret-key",
    "sso check",
    "sso list",
    "tables compare",
    "teams list",
    "tools-tokens list",
}
# They change several things, and record each.
OF_SEVERAL = {"connections remove", "employees end-sessions", "employees import"}
# Arguments that are no ids: an entry outlives the person whom they may name. The store, or the command, says what it is
# about.
_NO_IDS = ("email", "file", "name")
# Neither secrets nor anything of a person.
_SHOWN = (
    "admin",
    "approval",
    "at_once",
    "chosen",
    "compatible",
    "create_people",
    "decision",
    "domains",
    "everything",
    "host",
    "inbound",
    "integrator",
    "issuer",
    "item",
    "mode",
    "operator",
    "operator_group",
    "origin",
    "org_admin",
    "permissions",
    "projects",
    "relaxed_event_types",
    "always_critical",
    "replace",
    "security",
    "trust_emails",
    "unverified",
    "visibility",
    "without_approval",
    "without_challenge",
)


def list_commands(group: click.Command, path: str = "") -> Iterator[tuple[str, click.Command]]:
    """Return every command below the group with its words."""
    if not isinstance(group, click.Group):
        yield path, group
        return
    for name, command in sorted(group.commands.items()):
        yield from list_commands(command, f"{path} {name}".strip())


def audit_commands(main: click.Group) -> None:
    """Let every command that changes something record it, if it succeeds."""
    for path, command in list_commands(main):
        if kind := COMMAND_KINDS.get(path):
            assert command.callback is not None
            arguments = [each.name for each in command.params if isinstance(each, click.Argument)]
            command.callback = _recorded(
                command.callback, kind, arguments[0] if arguments else None, each=path in OF_SEVERAL
            )


def about(subject: Subject) -> None:
    """Say what the command is about, where its arguments don't."""
    if draft := current():
        draft.add(subject)


def recording_each(kind: AuditKind) -> AbstractContextManager[Draft]:
    """Record each change of the block with another kind than the command's own."""
    draft = current()
    assert draft is not None
    return recording(replace(draft.entry, kind=kind), each=True)


def _recorded(callback: Callable[..., Any], kind: AuditKind, argument: str | None, *, each: bool) -> Callable[..., Any]:
    @wraps(callback)
    def record(**given: Any) -> Any:
        named = given.get(argument) if argument and argument not in _NO_IDS else None
        subject = Subject(kind.partition(".")[0], str(named)) if named else None
        details = {name: given[name] for name in _SHOWN if name != argument and given.get(name) not in (None, (), "")}
        entry = AuditEntry(
            str(uuid4()), datetime.now(UTC), _kind_of(kind, given), _actor(), subject, details=to_details(details)
        )
        with recording(entry, each=each):
            return callback(**given)

    return record


def _kind_of(kind: AuditKind, given: dict[str, Any]) -> AuditKind:
    return AuditKind.APPROVAL_REJECT if given.get("decision") == "reject" else kind


def _actor() -> Actor:
    """Who runs the command, as this machine says; nothing proves it."""
    user = "unknown"
    with suppress(KeyError, OSError, ImportError):
        user = getpass.getuser()
    return Actor(ActorKind.COMMAND, f"{user}@{socket.gethostname()}"[:200])
