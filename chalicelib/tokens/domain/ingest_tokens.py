"""Tokens in the address of a webhook, for systems that can set no header: requests and responses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from pydantic import Field

from chalicelib.core.domain.callers import ApiKey, PersonalToken, TokenStatus, ToolsToken
from chalicelib.core.domain.errors import Forbidden, Invalid
from chalicelib.core.domain.fields import In, Line, Omittable, Out, TimeOut, Uuid, UuidOut, timestamp
from chalicelib.ids import PathSecret, PresentedToken, TokenKind, vouched_token
from chalicelib.tokens.domain.integrations import Integration

MOST_INGEST_TOKENS = 20
MOST_RULES = 50
_Pattern = Annotated[str, Field(min_length=1, max_length=120)]
_To = Annotated[Line, Field(min_length=1, max_length=260)]
_MASKED = f"{PathSecret.INGEST}…"


class IngestTokenIn(In):
    """A new token for one adapter."""

    adapter: str = Field(min_length=1, max_length=40, description="The adapter that it is for, such as `github`.")
    name: Line = Field(min_length=1, max_length=80, description="What tells it apart from others.")
    signing_secret: Omittable[Annotated[str, Field(min_length=16, max_length=200)]] = Field(
        None, description="The secret with which the other system signs its requests. Others are refused then."
    )
    mapping: Omittable[Annotated[dict[str, str], Field(min_length=1, max_length=10)]] = Field(
        None, description="For the adapter json: a JMESPath expression for each member of an event."
    )
    integration_id: Omittable[Uuid] = Field(
        None,
        description="With a key or in a session: the id of your integration (personal token) that it publishes with.",
    )


class IngestRule(In):
    """Whom those events are for that fit every pattern of `when`; without patterns, all events."""

    when: dict[Annotated[str, Field(min_length=1, max_length=100)], _Pattern] = Field(
        default_factory=dict,
        max_length=5,
        description="Patterns by field: `title`, `event_id`, `type`, `severity`, `summary`, or `labels.` and the name "
        "of a label. `*` stands for any characters; letters match in both cases.",
    )
    to: Annotated[list[_To], Field(min_length=1, max_length=10)] = Field(
        description="Email addresses, user ids, or `group:` and the slug of a project."
    )


class IngestRulesIn(In):
    """The routing rules of a token, in their order. The last that matches decides."""

    rules: Annotated[list[IngestRule], Field(max_length=MOST_RULES)]


class IngestRuleOut(Out):
    """A rule as it is stored. Email addresses are user ids there."""

    when: dict[str, str]
    to: list[str]


class IngestRulesOut(Out):
    """The rules as they are from now on."""

    token_id: UuidOut
    rules: list[IngestRuleOut]
    request_id: str


class IngestTokenOut(Out):
    """A token without its secret; `address` has it masked."""

    token_id: UuidOut
    adapter: str
    name: str
    integrator: str = Field(description="The slug of the integrator whose events it publishes.")
    address: str
    is_signed: bool
    mapping: Omittable[dict[str, str]] = None
    rules: Omittable[list[IngestRuleOut]] = None
    use_count: int
    created_at: TimeOut
    last_used_at: TimeOut | None


class IngestTokensOut(Out):
    """The caller's tokens, newest first."""

    items: list[IngestTokenOut]
    request_id: str


class NewIngestTokenOut(Out):
    """A new token. Only this reply has its secret, which is the end of the address."""

    token_id: UuidOut
    adapter: str
    name: str
    token: str
    address: str
    created_at: TimeOut
    request_id: str


class EndedIngestTokenOut(Out):
    """The token that was ended."""

    token_id: UuidOut
    request_id: str


@dataclass(frozen=True)
class Publisher:
    """A personal or tools token that ingest tokens publish with. `user_id` is the employee of a personal one.

    Without `token_id` it stands for all personal tokens of the employee.
    """

    kind: TokenKind
    token_id: str | None
    integrator: str
    user_id: str | None = None


@dataclass(frozen=True)
class IngestToken:
    """A token as it is stored. It publishes with the personal or tools token `publisher_id`, and in no other way.

    `user_id` is the employee of the personal token; a tools token has none here. `signing_secret` is sealed until a
    request uses it. People are user ids in `rules`.
    """

    token_id: str
    adapter: str
    name: str
    publisher: TokenKind
    publisher_id: str
    integrator: str
    created_at: str
    user_id: str | None = None
    signing_secret: str | None = field(default=None, repr=False)
    mapping: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[IngestRule, ...] = ()
    use_count: int = 0
    last_used_at: datetime | None = None

    @property
    def publishing_token(self) -> PresentedToken:
        """The token in whose name it publishes."""
        return vouched_token(self.publisher, self.publisher_id)


def publisher_of(caller: PersonalToken | ToolsToken | ApiKey) -> Publisher:
    """Return the caller's token as the publisher of ingest tokens; of a key or session all tokens of its person."""
    if isinstance(caller, ApiKey):
        return Publisher(TokenKind.PERSONAL, None, "", caller.user_id)
    if isinstance(caller, PersonalToken):
        return Publisher(TokenKind.PERSONAL, caller.grant_id, caller.integrator, caller.user_id)
    return Publisher(TokenKind.TOOLS, caller.token_id, caller.integrator)


def publisher_from(integration: Integration, user_id: str) -> Publisher:
    """Return a person's integration as the publisher of ingest tokens.

    Raises:
        Forbidden: it is not active, so nothing could be published with it.
    """
    if integration.status is not TokenStatus.ACTIVE:
        raise Forbidden("This integration is not active, so an ingest token can't publish with it.")
    return Publisher(TokenKind.PERSONAL, integration.token_id, integration.integrator, user_id)


def new_ingest_token(request: IngestTokenIn, *, token_id: str, publisher: Publisher, now: datetime) -> IngestToken:
    """Return a token that publishes as `publisher` does."""
    assert publisher.token_id is not None
    return IngestToken(
        token_id=token_id,
        adapter=request.adapter,
        name=request.name,
        publisher=publisher.kind,
        publisher_id=publisher.token_id,
        integrator=publisher.integrator,
        created_at=timestamp(now),
        user_id=publisher.user_id,
        signing_secret=request.signing_secret,
        mapping=request.mapping or {},
    )


def address_of(base_url: str, adapter: str, secret: str) -> str:
    """Return the address to which the other system sends."""
    return f"{base_url}/api/v1/ingest/{adapter}/{secret}"


def to_response(token: IngestToken, *, base_url: str) -> IngestTokenOut:
    """Return the token as its owner sees it."""
    return IngestTokenOut(
        token_id=token.token_id,
        adapter=token.adapter,
        name=token.name,
        integrator=token.integrator,
        address=address_of(base_url, token.adapter, _MASKED),
        is_signed=token.signing_secret is not None,
        use_count=token.use_count,
        created_at=token.created_at,
        last_used_at=timestamp(token.last_used_at) if token.last_used_at else None,
        **({"mapping": dict(token.mapping)} if token.mapping else {}),
        **({"rules": list(map(to_rule_response, token.rules))} if token.rules else {}),
    )


def to_rule_response(rule: IngestRule) -> IngestRuleOut:
    """Return a rule as it is answered."""
    return IngestRuleOut(when=dict(rule.when), to=list(rule.to))


def with_user_ids(rules: Sequence[IngestRule], user_ids: Mapping[str, str]) -> tuple[IngestRule, ...]:
    """Return the rules with user ids instead of email addresses, so that no row has an address of a person.

    Raises:
        Invalid: nobody has one of the addresses.
    """
    made = []
    for number, rule in enumerate(rules):
        to = [user_ids.get(each.strip().lower(), "") if _is_address(each) else each.strip() for each in rule.to]
        if "" in to:
            reason = "names an address that nobody has"
            raise Invalid(f"rules.{number}.to {reason}.", {f"rules.{number}.to": [reason]})
        made.append(rule.model_copy(update={"to": list(dict.fromkeys(to))}))
    return tuple(made)


def addresses_in(rules: Sequence[IngestRule]) -> list[str]:
    """Return the email addresses that the rules name, in lower case."""
    return sorted({each.strip().lower() for rule in rules for each in rule.to if _is_address(each)})


def _is_address(recipient: str) -> bool:
    return "@" in recipient and not recipient.strip().startswith("group:")
