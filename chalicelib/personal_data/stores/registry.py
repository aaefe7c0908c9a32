"""Where personal data lies: every kind of row that this desk stores, with whose it is and how it ends.

A kind that is not listed here can't be stored: `tests/laws/test_personal_data.py` compares this list with every row
that the other laws make. Order matters only where two patterns fit a key: the first one counts.
"""

from chalicelib.personal_data.stores.row_kinds import COUNTER, HASH, INDEX, PASSING, Disposition, RowKind
from chalicelib.resources import (
    AUDIT,
    BOARD,
    CATALOG,
    CHAT,
    CONTACTS,
    DELIVERIES,
    DIRECTORY,
    EVENT_TYPES,
    FEEDBACK,
    IDEMPOTENCY,
    NETWORK,
    OUTBOX,
    PEERS,
    QUEUE_ITEMS,
    RELAYS,
    SOCKETS,
    TOKENS,
    Table,
)

_PEOPLE = (
    RowKind(DIRECTORY, "USER#{user} / USER", "account", disposition=Disposition.WITH_THE_ACCOUNT, exported="account"),
    RowKind(DIRECTORY, "EMAIL#{email} / USER", "account", disposition=Disposition.WITH_THE_ACCOUNT, why_not=INDEX),
    RowKind(DIRECTORY, "PEOPLE / {email}", "account", disposition=Disposition.WITH_THE_ACCOUNT, why_not=INDEX),
    RowKind(DIRECTORY, "USER#{user} / PROFILE", "profile", exported="account"),
    RowKind(DIRECTORY, "USER#{user} / VIEWS", "inbox views", exported="account"),
    RowKind(DIRECTORY, "USER#{user} / PREFERENCES", "preferences", exported="account"),
    RowKind(DIRECTORY, "USER#{user} / MAIL", "e-mail", exported="account"),
    RowKind(DIRECTORY, "USER#{user} / PUSH#*", "browser notifications", exported="account"),
    RowKind(DIRECTORY, "USER#{user} / REACH#*", "channels", exported="account"),
    RowKind(DIRECTORY, "USER#{user} / SUBJECT#*", "sign-in identities", why_not=HASH),
    RowKind(DIRECTORY, "SUBJECT#* / USER", "sign-in identities", owner="userId", why_not=HASH),
    RowKind(DIRECTORY, "USER#{user} / SCIM", "account", exported="account"),
    RowKind(DIRECTORY, "EXTERNAL#* / {user}", "account", why_not=HASH),
    RowKind(DIRECTORY, "USER#{user} / GROUP#*", "memberships", exported="account"),
    RowKind(DIRECTORY, "GROUP#* / MEMBER#{user}", "memberships", why_not=INDEX),
    RowKind(DIRECTORY, "USER#{user} / PROJECT#*", "memberships", exported="account"),
    RowKind(DIRECTORY, "PROJECT#* / MEMBER#{user}", "memberships", why_not=INDEX),
    RowKind(DIRECTORY, "TEAM#* / MEMBER#{user}#*", "memberships", why_not=INDEX),
)

_ORGANISATION = (
    RowKind(DIRECTORY, "PROJECT#* / PROJECT", "projects"),
    RowKind(DIRECTORY, "PROJECTS / *", "projects"),
    RowKind(DIRECTORY, "TEAM#* / TEAM", "teams"),
    RowKind(DIRECTORY, "GROUPS / *", "groups of a company's directory"),
    RowKind(DIRECTORY, "GROUPNAMES / *", "groups of a company's directory"),
    RowKind(DIRECTORY, "GROUPMAPPINGS / *", "groups of a company's directory"),
    RowKind(DIRECTORY, "INTEGRATORS / *", "integrators"),
    RowKind(DIRECTORY, "INTEGRATOR#* / WEBHOOK", "integrators"),
    RowKind(DIRECTORY, "AGENTS / *", "agents"),
    RowKind(DIRECTORY, "DESK / *", "settings of the desk"),
    RowKind(DIRECTORY, "FOUND / COUNTS", "counts of the directory"),
    RowKind(DIRECTORY, "PROVIDERS / *", "sign-in providers"),
    RowKind(DIRECTORY, "PROVIDER#* / *", "sign-in providers"),
    RowKind(DIRECTORY, "RECEIPTS / *", "receipts of erasures"),
)

_CATALOG = (
    RowKind(CATALOG, "ITEM#* / ITEM", "catalog items", passed_on=("contactUserId",)),
    RowKind(
        CATALOG, "ITEM#* / APPROVAL#{user}", "approvals", disposition=Disposition.BY_ITS_OWN_RULE, exported="approvals"
    ),
    RowKind(CATALOG, "ITEM#* / ASSET#{user}", "approvals", why_not=INDEX),
    RowKind(CATALOG, "REQUEST#* / REQUEST", "approvals", owner="userId", why_not=INDEX),
    RowKind(CATALOG, "INTEGRATOR#* / ITEMS", "catalog items"),
    RowKind(CATALOG, "INTEGRATOR#* / DEFAULT_WAYS", "declared event types"),
    RowKind(CATALOG, "EVENT_TYPES / *", "declared event types"),
)

_INBOX = (
    RowKind(
        DELIVERIES,
        "* / DELIVERY",
        "deliveries",
        owner="recipientUserId",
        disposition=Disposition.BY_ITS_OWN_RULE,
        exported="deliveries",
    ),
    RowKind(
        DELIVERIES, "EVENT#* / CALL#*", "accepted bulk calls", disposition=Disposition.BY_ITS_OWN_RULE, why_not=PASSING
    ),
    RowKind(DELIVERIES, "* / ACTION#*", "clicks", owner="userId", exported="deliveries"),
    RowKind(DELIVERIES, "* / MAIL#*", "e-mails", owner="userId", exported="deliveries"),
    RowKind(
        DELIVERIES,
        "CHANGE#* / JOB",
        "bulk changes",
        owner="userId",
        disposition=Disposition.BY_ITS_OWN_RULE,
        why_not=PASSING,
    ),
    RowKind(DELIVERIES, "CHANGE#* / *", "bulk changes"),
    RowKind(DELIVERIES, "ENDPOINTS / *", "endpoints of callbacks"),
    RowKind(DELIVERIES, "REPLAY#* / JOB", "replays of callbacks"),
    RowKind(DELIVERIES, "* / REACH#*", "messages to channels", owner="userId", exported="deliveries"),
    RowKind(DELIVERIES, "* / SNOOZE", "snoozes"),
    RowKind(DELIVERIES, "* / HOLD#{user}", "notifications held by quiet hours", why_not=PASSING),
    RowKind(DELIVERIES, "* / DIGEST#{user}", "digests", why_not=PASSING),
    RowKind(DELIVERIES, "* / SUPPLEMENT#*", "supplements"),
    RowKind(DELIVERIES, "EVENT#* / SEEN", "accepted bulk calls"),
    RowKind(DELIVERIES, "FIRE#* / *", "sends"),
    RowKind(DELIVERIES, "LABEL#* / *", "labels"),
    RowKind(EVENT_TYPES, "* / *", "counts of event types"),
)

_WORK = (
    RowKind(QUEUE_ITEMS, "{user} / ITEM#*", "tasks", disposition=Disposition.BY_ITS_OWN_RULE, exported="tasks"),
    RowKind(QUEUE_ITEMS, "{user} / STANDING#*", "standing approvals", exported="standingApprovals"),
    RowKind(QUEUE_ITEMS, "{user} / DELEGATION#*", "delegations", owner="partnerId", exported="delegations"),
    RowKind(QUEUE_ITEMS, "{user} / COUNTS", "settings", exported="settings"),
    RowKind(BOARD, "{user} / CARD#*", "cards", exported="cards"),
    RowKind(BOARD, "{user} / COUNTS", "cards", why_not=COUNTER),
    RowKind(CONTACTS, "{user} / CONTACT#*", "contacts", disposition=Disposition.BY_ITS_OWN_RULE, exported="contacts"),
    RowKind(CONTACTS, "{user} / FIND#*", "contacts", disposition=Disposition.BY_ITS_OWN_RULE, why_not=INDEX),
    RowKind(CONTACTS, "{user} / TAG#*", "contacts", disposition=Disposition.BY_ITS_OWN_RULE, why_not=INDEX),
    RowKind(CONTACTS, "{user} / COUNTS", "contacts", why_not=COUNTER),
    RowKind(CHAT, "{user} / MESSAGE#*", "chat messages", exported="chat"),
    RowKind(FEEDBACK, "person#{user} / *", "feedback", exported="feedback"),
    RowKind(FEEDBACK, "integrator#* / *", "feedback of integrators"),
)

_LIVE = (
    RowKind(SOCKETS, "{user} / FRAME#*", "live events", why_not=PASSING),
    RowKind(SOCKETS, "{user} / SOCKET#*", "open connections", why_not=PASSING),
    RowKind(SOCKETS, "{user} / WEBPUSH", "browser notifications", why_not=COUNTER),
    RowKind(SOCKETS, "CONNECTION#* / CONNECTION", "open connections", owner="userId", why_not=PASSING),
    RowKind(SOCKETS, "STREAMS#{user} / SLOT#*", "open connections", why_not=PASSING),
    RowKind(SOCKETS, "STREAMS / DESK", "counts of open connections"),
)

_ACCESS = (
    RowKind(TOKENS, "KEY#*", "keys", owner="userId", exported="keys"),
    RowKind(TOKENS, "KEYID#*", "keys", owner="userId", why_not=INDEX),
    RowKind(TOKENS, "KEYS#{user}", "keys", why_not=INDEX),
    RowKind(TOKENS, "MINUTE#{user}#*", "budgets", why_not=COUNTER),
    RowKind(
        TOKENS,
        "PERSONAL#*",
        "personal tokens",
        owner="userId",
        passed_on=("toolsOwnerId",),
        exported="integrations",
    ),
    RowKind(TOKENS, "INGEST#*", "ingest tokens", owner="userId", exported="ingestTokens"),
    RowKind(TOKENS, "SESSION#*", "sessions", owner="userId", exported="sessions"),
    RowKind(TOKENS, "SESSIONID#*", "sessions", owner="userId", why_not=INDEX),
    RowKind(TOKENS, "PASSKEY#*", "passkeys", owner="userId", exported="passkeys"),
    RowKind(TOKENS, "PASSKEYS#{user}", "passkeys", why_not=INDEX),
    RowKind(TOKENS, "CHALLENGE#*", "sign-in links", owner="userId", why_not=HASH),
    RowKind(TOKENS, "CODE#*", "sign-in links", owner="userId", why_not=HASH),
    # It has the hash of a session, and ends after half a minute.
    RowKind(TOKENS, "TICKET#*", "tickets"),
    RowKind(TOKENS, "TOOLS#*", "tools tokens", passed_on=("userId",)),
    RowKind(TOKENS, "SCIM#*", "tokens of directories"),
    RowKind(TOKENS, "PLATFORM#*", "credentials of desks"),
    RowKind(TOKENS, "INSTANCE#*", "credentials of desks"),
    RowKind(IDEMPOTENCY, "FAILURE#*", "reasons of failed messages"),
    RowKind(IDEMPOTENCY, "MAILS#{user}#*", "e-mails", why_not=COUNTER),
    RowKind(
        IDEMPOTENCY, "*", "stored replies", owner="userId", disposition=Disposition.BY_ITS_OWN_RULE, why_not=PASSING
    ),
)

_FEDERATION = (
    RowKind(
        PEERS,
        "TOKEN#* / CONNECTION#*",
        "connections",
        owner="userId",
        disposition=Disposition.BY_ITS_OWN_RULE,
        exported="connections",
    ),
    RowKind(
        PEERS,
        "CONNECTION#* / CONNECTION",
        "connections",
        owner="userId",
        disposition=Disposition.BY_ITS_OWN_RULE,
        why_not=INDEX,
    ),
    RowKind(PEERS, "USER#{user} / PEER#*", "connections", disposition=Disposition.BY_ITS_OWN_RULE, why_not=INDEX),
    RowKind(PEERS, "CONNECTION#* / NOTICE#*", "notices to other desks"),
    RowKind(PEERS, "TOKEN#* / BUDGET", "budgets of connections"),
    RowKind(PEERS, "FEDERATION / *", "settings of the desk"),
    RowKind(PEERS, "DESK#* / DESK", "known desks"),
    RowKind(RELAYS, "{user} / RELAY#*", "relays", exported="relays"),
    RowKind(RELAYS, "{user} / COUNTS", "relays", why_not=COUNTER),
    RowKind(RELAYS, "CONNECTION#* / PEER#*", "relays", owner="userId", why_not=INDEX),
    RowKind(OUTBOX, "PEER#* / SENDING#*", "outbox", owner="userId", why_not=INDEX),
    RowKind(OUTBOX, "PEER#* / STATE", "states of outboxes"),
)

_NETWORK = (
    RowKind(NETWORK, "REQUESTS#{user} / *", "counts of requests", why_not=COUNTER),
    RowKind(NETWORK, "INSTANCES / *", "desks"),
    RowKind(NETWORK, "BASEURL#* / *", "desks"),
    RowKind(NETWORK, "NETWORK / STANDING", "counts of the network"),
    RowKind(NETWORK, "REGISTRATIONS* / *", "counts of registrations"),
    RowKind(NETWORK, "CLAIMS#* / *", "counts of requests"),
    RowKind(NETWORK, "GUESSES#* / *", "counts of wrong credentials"),
    RowKind(NETWORK, "AUDIT-REFUSALS / *", "counts of refusals"),
    RowKind(NETWORK, "REFUSAL#* / *", "counts of refusals"),
    RowKind(NETWORK, "SHOWN#* / *", "counts of wrong credentials"),
    RowKind(NETWORK, "SHARE#* / *", "counts of strangers' calls"),
    RowKind(NETWORK, "INSTANCE#* / AGENT#*", "offered agents"),
    RowKind(NETWORK, "SLUG#* / AGENT", "offered agents"),
    RowKind(NETWORK, "MARKETPLACE#* / AGENT", "offered agents"),
    RowKind(NETWORK, "NOTICE#* / NOTICE", "notices to other desks"),
    RowKind(NETWORK, "MEMBERSHIPS / *", "memberships at hubs"),
    RowKind(NETWORK, "HUBS / *", "memberships at hubs"),
)

# Entries are never changed. They name people by refs (see core.domain.audit), which lead to nobody once the id is gone.
_AUDIT = RowKind(AUDIT, "LOG#* / *", "audit entries")

# Erasures that are running name the person whom they erase, and end with the account.
_ERASURES = RowKind(DIRECTORY, "ERASURES / *", "erasures", disposition=Disposition.WITH_THE_ACCOUNT, why_not=PASSING)

KINDS = (
    *_PEOPLE,
    *_ORGANISATION,
    _ERASURES,
    *_CATALOG,
    *_INBOX,
    *_WORK,
    *_LIVE,
    *_ACCESS,
    *_FEDERATION,
    *_NETWORK,
    _AUDIT,
)

# Tables that no role may change, and whose rows name nobody, so that an erasure has nothing to do there.
LEFT: tuple[Table, ...] = (AUDIT,)

# In this order a pass looks at them. Connections go first: ending one writes rows of other tables.
TABLES: tuple[Table, ...] = (
    PEERS,
    OUTBOX,
    RELAYS,
    TOKENS,
    CATALOG,
    DELIVERIES,
    QUEUE_ITEMS,
    BOARD,
    CONTACTS,
    CHAT,
    FEEDBACK,
    EVENT_TYPES,
    NETWORK,
    IDEMPOTENCY,
    SOCKETS,
    DIRECTORY,
)
