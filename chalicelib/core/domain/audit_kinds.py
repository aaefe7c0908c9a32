"""Every kind of audit entry. What is recorded has its kind here; operations, commands and workers name it."""

from enum import StrEnum


class AuditKind(StrEnum):
    """The kinds, as `<subject>.<what was done>`."""

    SESSION_BEGIN = "session.begin"
    SESSION_REFUSE = "session.refuse"
    SESSION_END = "session.end"
    SIGN_IN_LINK_CREATE = "signInLink.create"
    PROVIDER_SAVE = "signInProvider.save"
    PROVIDER_REMOVE = "signInProvider.remove"
    PASSKEY_ADD = "passkey.add"
    PASSKEY_REMOVE = "passkey.remove"

    CHANNEL_ADD = "channel.add"
    CHANNEL_REMOVE = "channel.remove"

    KEY_CREATE = "key.create"
    KEY_ENABLE = "key.enable"
    KEY_DISABLE = "key.disable"
    KEY_DELETE = "key.delete"

    PERSON_CREATE = "person.create"
    PERSON_UPDATE = "person.update"
    PERSON_ACTIVATE = "person.activate"
    PERSON_DEACTIVATE = "person.deactivate"
    PERSON_ERASE = "person.erase"
    PERSON_EXPORT = "person.export"
    PERSON_PROVISION = "person.provision"
    OPERATOR_CHANGE = "operator.change"
    GROUP_CREATE = "group.create"
    GROUP_UPDATE = "group.update"
    GROUP_REMOVE = "group.remove"
    DIRECTORY_TOKEN_CREATE = "directoryToken.create"
    DIRECTORY_TOKEN_ROTATE = "directoryToken.rotate"
    DIRECTORY_TOKEN_REVOKE = "directoryToken.revoke"
    PROJECT_CREATE = "project.create"
    PROJECT_ADD_MEMBER = "project.addMember"
    PROJECT_REMOVE_MEMBER = "project.removeMember"
    TEAM_REVEAL = "team.reveal"

    TOOLS_TOKEN_ISSUE = "toolsToken.issue"
    TOOLS_TOKEN_ROTATE = "toolsToken.rotate"
    TOOLS_TOKEN_REVOKE = "toolsToken.revoke"
    TOOLS_TOKEN_ENABLE = "toolsToken.enable"
    TOOLS_TOKEN_DISABLE = "toolsToken.disable"
    PERSONAL_TOKEN_CLAIM = "personalToken.claim"
    PERSONAL_TOKEN_ENABLE = "personalToken.enable"
    PERSONAL_TOKEN_DISABLE = "personalToken.disable"
    INGEST_TOKEN_CREATE = "ingestToken.create"
    INGEST_TOKEN_ROUTE = "ingestToken.route"
    INGEST_TOKEN_END = "ingestToken.end"

    INTEGRATOR_CREATE = "integrator.create"
    INTEGRATOR_UPDATE = "integrator.update"
    INTEGRATOR_ARCHIVE = "integrator.archive"
    INTEGRATOR_EVENT_TYPES = "integrator.eventTypes"
    WEBHOOK_SECRET_ROTATE = "webhookSecret.rotate"
    WEBHOOK_SECRET_SHOW = "webhookSecret.show"

    CATALOG_ITEM_CREATE = "catalogItem.create"
    CATALOG_ITEM_UPDATE = "catalogItem.update"
    CATALOG_ITEM_ARCHIVE = "catalogItem.archive"
    CATALOG_ITEM_REMOVE = "catalogItem.remove"
    APPROVAL_ASSIGN = "approval.assign"
    APPROVAL_APPROVE = "approval.approve"
    APPROVAL_REJECT = "approval.reject"
    APPROVAL_REVOKE = "approval.revoke"
    QUEUE_ITEM_APPROVE = "queueItem.approve"
    QUEUE_ITEM_REJECT = "queueItem.reject"
    QUEUE_ITEM_ALLOW = "queueItem.allow"
    STANDING_APPROVAL_CREATE = "standingApproval.create"
    STANDING_APPROVAL_END = "standingApproval.end"
    DELEGATION_CREATE = "delegation.create"
    DELEGATION_END = "delegation.end"

    CONNECTION_ACCEPT = "connection.accept"
    CONNECTION_DECLINE = "connection.decline"
    CONNECTION_BLOCK = "connection.block"
    CONNECTION_CHANGE = "connection.change"
    CONNECTION_CONFIRM = "connection.confirm"
    CONNECTION_END = "connection.end"
    CONNECTION_REMOVE = "connection.remove"
    ORIGIN_BLOCK = "origin.block"
    ORIGIN_UNBLOCK = "origin.unblock"
    FEDERATION_SET = "federation.set"
    FEDERATION_ROTATE_KEY = "federation.rotateKey"
    INSTANCE_APPROVE = "instance.approve"
    INSTANCE_SUSPEND = "instance.suspend"
    INSTANCE_REMOVE = "instance.remove"
    HUB_JOIN = "hub.join"
    HUB_LEAVE = "hub.leave"
    HUB_EVENT_REFUSE = "hubEvent.refuse"
    AGENT_ADD = "agent.add"
    AGENT_APPROVE = "agent.approve"
    AGENT_REJECT = "agent.reject"
    AGENT_SUSPEND = "agent.suspend"
    AGENT_REMOVE = "agent.remove"
    RELAY_GIVE_UP = "relay.giveUp"
    RELAY_RESEND = "relay.resend"

    CALLBACK_RESEND = "callback.resend"
    CALLBACK_PAUSE = "callback.pause"
    CALLBACK_RESUME = "callback.resume"
    CALLBACK_REPLAY = "callback.replay"
    DEAD_LETTERS_REDRIVE = "deadLetters.redrive"
    RETENTION_APPLY = "retention.apply"
    TABLES_RESTORE = "tables.restore"
    TABLES_PUT_BACK = "tables.putBack"
    TABLES_DROP = "tables.drop"
    SECRETS_RESEAL = "secrets.reseal"
    WEB_PUSH_KEYS_CREATE = "webPushKeys.create"
    MAIL_SET = "mail.set"
    MAIL_REMOVE = "mail.remove"
    # Strangers were refused so often that entries were left out.
    REFUSALS_LEAVE_OUT = "refusals.leaveOut"

    # No longer recorded; desks have entries of earlier versions.
    TICKET_CREATE = "ticket.create"


# What a person sees in their own security log, besides what concerns their tokens.
OF_A_PERSON = frozenset(
    each
    for each in AuditKind
    if each.split(".")[0]
    in {
        "session",
        "signInLink",
        "passkey",
        "channel",
        "key",
        "person",
        "operator",
        "personalToken",
        "standingApproval",
        "delegation",
    }
)
