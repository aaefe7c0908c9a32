"""Create the demo organisation: the same people, integrators and projects every time, with new tokens."""

import hmac
import json
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from chalicelib.agents.domain.agents import AgentIn, CommandIn
from chalicelib.agents.services import agents
from chalicelib.agents.stores.agents import DynamoAgents
from chalicelib.catalog.domain.approvals import ApprovalStatus, new_request
from chalicelib.catalog.domain.catalog import AssetType, CatalogItem, CatalogItemIn
from chalicelib.catalog.stores.approvals import DynamoApprovals
from chalicelib.catalog.stores.catalog import DynamoCatalog
from chalicelib.core.domain.errors import Conflict
from chalicelib.core.domain.fields import timestamp
from chalicelib.ids import MintedToken, SignInSecret, TokenKind, mint_sign_in_secret, mint_token
from chalicelib.live.stores.push_keys import DynamoPushKeys
from chalicelib.live.vapid import new_keys
from chalicelib.people.domain.directory import Integrator, Person, Project, Team
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.settings import positive_integer
from chalicelib.tokens.domain.tokens import KeyGrant, PersonalGrant, ToolsGrant, grant_id
from chalicelib.tokens.services.sessions import create_sign_in_code
from chalicelib.tokens.stores.sessions import DynamoSessions
from chalicelib.tokens.stores.tokens import DynamoTokens
from infra import demo_board, demo_connections, demo_federation

# Returns the 32 secret bytes of the demo token with this name.
NewSecret = Callable[[str], bytes]

_SECRET_BYTES = 32
_NAMESPACE = UUID("0b7f3c52-8d0e-5f43-9c57-2f1c7b9f4f10")

PEOPLE = ("alice", "bob", "carol", "dave", "erin")
INTEGRATORS = {"fd1": "Flux Delivery One", "hr": "People and Hiring"}


def identifier(kind: str, name: str) -> str:
    """Return the id of a demo entity. It is the same every time."""
    return str(uuid5(_NAMESPACE, f"{kind}/{name}"))


CATALOG_ITEMS = (
    CatalogItemIn(
        slug="fd1",
        name="Flux Delivery One",
        type=AssetType.API_KEY,
        description="Lets the delivery pipeline write to your inbox.",
        category="developer-tools",
        url="https://fd1.example.com",
        application_guide="Name the repositories you work on.",
        use_cases=[{"title": "Build results"}, {"title": "Repository access"}],
        is_pinned=True,
        linked_tools_token_id=identifier("tools", "fd1"),
    ),
    CatalogItemIn(
        slug="network-vpn-access",
        name="Office network by VPN",
        type=AssetType.SERVER_ACCESS,
        description="Reach internal hosts from outside the office.",
        category="network-vpn",
        display_order=10,
        contact_user_id=identifier("user", "bob"),
    ),
    CatalogItemIn(
        slug="design-suite",
        name="Design suite",
        type=AssetType.SAAS_ACCOUNT,
        description="A seat for drawing, prototyping and commenting.",
        category="saas-design",
        display_order=20,
        approval_required=False,
    ),
    CatalogItemIn(slug="legacy-wiki", name="The old wiki", type=AssetType.OTHER, display_order=30),
)
AGENTS = (
    AgentIn(
        slug="scribe",
        name="Scribe",
        description="Writes minutes and summaries of what was said, and keeps them where everybody finds them again.",
        category="writing",
        commands=[
            CommandIn(
                name="minutes",
                description="Writes the minutes of a conversation.",
                usage="!scribe.minutes [since when]",
            ),
            CommandIn(name="summary", description="Sums up a thread in five lines.", usage="!scribe.summary [thread]"),
        ],
    ),
    AgentIn(
        slug="scout",
        name="Scout",
        description="Finds out what is known about a company.",
        category="research",
        commands=[
            CommandIn(name="company", description="Looks a company up.", usage="!scout.company <name>"),
        ],
    ),
)
APPROVED_PEOPLE = {"fd1": ("alice", "bob", "carol", "dave")}
PENDING_PEOPLE = {"network-vpn-access": ("erin",)}
ARCHIVED_ITEMS = ("legacy-wiki",)


@dataclass(frozen=True)
class Addresses:
    """The URLs of the system, and the environment for admin commands."""

    base_url: str
    ws_url: str
    admin_env: dict[str, str]


def demo_file() -> Path:
    return Path(os.environ.get("DEMO_FILE") or ".chalice/local/demo.json")


def random_secret(_name: str) -> bytes:
    return secrets.token_bytes(_SECRET_BYTES)


def derive_secrets(seed: str) -> NewSecret:
    """Return a source of secrets that yields the same for the same seed and name."""
    return lambda name: hmac.digest(seed.encode(), name.encode(), "sha256")


def create(addresses: Addresses, new_secret: NewSecret = random_secret) -> dict[str, Any]:
    """Create the organisation, write `DEMO_FILE`, and return its contents.

    If the organisation exists, its tools tokens and personal tokens are replaced, and API keys are added.
    """
    users = {name: identifier("user", name) for name in PEOPLE}
    _create_directory(users)
    tools_tokens = {
        slug: _tools_token(slug, new_secret, owner=users["alice"], admin=slug == "fd1") for slug in INTEGRATORS
    }
    _create_catalog(users)
    with suppress(Conflict):
        DynamoPushKeys().save(new_keys("mailto:desk@example.com"), replace=False)
    demo_board.create(users, identifier, now=datetime.now(UTC))
    api_keys = {name: _api_key(name, users[name], new_secret) for name in ("alice", "bob")}
    demo = {
        **_address_fields(addresses, _sign_in_code(users["alice"], new_secret)),
        "tools_tokens": tools_tokens,
        "personal_tokens": {
            "alice": _personal_token("fd1", users["alice"], users["alice"], new_secret),
            "bob": _personal_token("fd1", users["bob"], users["alice"], new_secret),
            "moderated": _personal_token("hr", users["alice"], users["alice"], new_secret, moderated=True),
        },
        "api_keys": api_keys,
        "users": {name: {"email": _email(name), "user_id": user_id} for name, user_id in users.items()},
        "catalog_slug": "fd1",
        "project_slug": "apollo",
        "project_id": identifier("project", "apollo"),
        "team_id": identifier("team", "apollo"),
        "foreign_project_id": identifier("project", "zephyr"),
        "federation": {
            **demo_federation.create(identifier, new_secret, now=datetime.now(UTC)),
            **demo_connections.create(users, identifier, new_secret, now=datetime.now(UTC)),
        },
    }
    write(demo, demo_file())
    return demo


def update_addresses(demo: dict[str, Any], addresses: Addresses) -> dict[str, Any]:
    """Write `DEMO_FILE` with new addresses and a new sign-in link, and return its contents.

    Tokens and data stay as they are.
    """
    updated = demo | _address_fields(addresses, _sign_in_code(demo["users"]["alice"]["user_id"], random_secret))
    write(updated, demo_file())
    return updated


def _address_fields(addresses: Addresses, code: str) -> dict[str, Any]:
    return {
        "base_url": addresses.base_url,
        "ws_url": addresses.ws_url,
        "mcp_url": f"{addresses.base_url}/mcp",
        # The browser never sends the part after #, and the console removes it from the address.
        "console_url": f"{addresses.base_url}/#sign-in={code}",
        "admin_env": addresses.admin_env,
    }


def write(demo: dict[str, Any], path: Path) -> None:
    content = json.dumps(demo, indent=2) + "\n"
    if path.exists() and not path.is_file():
        # A device or a pipe is written to; replacing it would break it for everybody.
        path.write_text(content, encoding="utf-8")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # Other processes may read the file at any time, so it is replaced as a whole. Only its owner can read it.
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(content, encoding="utf-8")
    draft.replace(path)


def _create_directory(users: dict[str, str]) -> None:
    directory, now = DynamoDirectory(), datetime.now(UTC)
    for name, user_id in users.items():
        with suppress(Conflict):
            directory.add_person(
                Person(user_id, _email(name), name.title(), active=name != "dave", operator=name == "alice")
            )
    for slug, title in INTEGRATORS.items():
        with suppress(Conflict):
            directory.add_integrator(
                Integrator(
                    identifier("integrator", slug), slug, title, f"{slug}.", timestamp(now), relaxed_event_types=False
                )
            )
    for slug, admin, others, purpose in (
        ("apollo", "alice", ("bob",), "Brings the next release out of the door."),
        ("zephyr", "bob", ("carol",), "Keeps the machines running."),
    ):
        members = frozenset(users[name] for name in (admin, *others))
        project_id, team_id = identifier("project", slug), identifier("team", slug)
        admins = frozenset({users[admin]})
        with suppress(Conflict):
            directory.add_project(
                Project(project_id, slug, slug.title(), team_id, members, admins),
                Team(team_id, f"Team {slug.title()}", purpose),
            )
    for wanted in AGENTS:
        with suppress(Conflict):
            agents.install_agent(wanted, agent_id=identifier("agent", wanted.slug), agents=DynamoAgents())


def _create_catalog(users: dict[str, str]) -> None:
    now = datetime.now(UTC)
    for given in CATALOG_ITEMS:
        integrator = "fd1" if given.linked_tools_token_id else None
        item = CatalogItem.of(given, item_id=identifier("item", given.slug), integrator=integrator, now=now)
        try:
            DynamoCatalog().add_item(item, claim=None, reply={})
        except Conflict:
            continue  # the item and its approvals exist already
        for name in APPROVED_PEOPLE.get(given.slug, ()):
            asked = new_request(given.slug, users[name], _email(name), over=None, now=now)
            approved = asked.with_decision(ApprovalStatus.APPROVED, by_email=_email("alice"), now=now)
            DynamoApprovals().save(approved, over=None, claim=None, reply={})
        for name in PENDING_PEOPLE.get(given.slug, ()):
            asked = new_request(given.slug, users[name], _email(name), over=None, now=now, note="For the on-call week.")
            DynamoApprovals().save(asked, over=None, claim=None, reply={})
        if given.slug in ARCHIVED_ITEMS:
            DynamoCatalog().save_item(item.archived(now=now), over=item, claim=None, reply={})


def _tools_token(slug: str, new_secret: NewSecret, *, owner: str, admin: bool) -> str:
    grant = ToolsGrant(identifier("tools", slug), slug, f"{slug}.", owner, admin)
    token = mint_token(TokenKind.TOOLS, grant.token_id, secret=new_secret(f"tools/{slug}"))
    try:
        DynamoTokens().add_tools(grant, token, now=datetime.now(UTC))
    except Conflict:
        DynamoTokens().replace_secret(token)
    return token.text


def personal_grant(slug: str, user_id: str, tools_owner_id: str, *, moderated: bool = False) -> PersonalGrant:
    """Return the grant of integrator `slug` to a user of the demo organisation."""
    return PersonalGrant(
        grant_id=grant_id(slug, user_id),
        integrator=slug,
        event_prefix=f"{slug}.",
        user_id=user_id,
        tools_token_id=identifier("tools", slug),
        tools_owner_id=tools_owner_id,
        daily_limit=positive_integer("FLUXDEN_DEMO_DAILY_LIMIT", 1000),
        moderated=moderated,
        label="demo",
    )


def _personal_token(
    slug: str, user_id: str, tools_owner_id: str, new_secret: NewSecret, *, moderated: bool = False
) -> str:
    grant = personal_grant(slug, user_id, tools_owner_id, moderated=moderated)
    token = mint_token(TokenKind.PERSONAL, grant.grant_id, secret=new_secret(f"personal/{grant.grant_id}"))
    try:
        DynamoTokens().add_personal(grant, token, now=datetime.now(UTC))
    except Conflict:
        DynamoTokens().replace_secret(token)
    return token.text


def _sign_in_code(user_id: str, new_secret: NewSecret) -> str:
    code = mint_sign_in_secret(SignInSecret.CODE, secret=new_secret(f"sign-in/{user_id}"))
    with suppress(Conflict):
        create_sign_in_code(user_id, code, now=datetime.now(UTC), sessions=DynamoSessions())
    return code.text


def _api_key(name: str, user_id: str, new_secret: NewSecret) -> str:
    token: MintedToken = mint_token(TokenKind.KEY, secret=new_secret(f"key/{name}"))
    key_id = identifier("key", token.row_id)
    grant = KeyGrant(key_id, user_id, f"{name}'s demo key", token.visible_prefix, frozenset({"all"}))
    DynamoTokens().add_key(grant, token, now=datetime.now(UTC))
    return token.text


def _email(name: str) -> str:
    return f"{name}@example.com"
