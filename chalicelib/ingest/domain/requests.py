"""What is asked of the ingest of other systems' requests, and its replies."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from chalicelib.core.domain.budgets import Charge
from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.fields import Omittable, Out, Query, UuidOut
from chalicelib.inbox.domain.bulk import Recipient, RowError
from chalicelib.inbox.domain.events import InboundEvent
from chalicelib.ingest.domain.adapters.mapped import check_mapping
from chalicelib.ingest.domain.adapters.ntfy import MESSAGE_FIELDS
from chalicelib.ingest.domain.incoming import Draft, IngestStep, Reading
from chalicelib.ingest.domain.routing import Recipients, Routing, Rule, named_by, read_recipient, read_rules, route
from chalicelib.tokens.domain.ingest_tokens import IngestRule, IngestRulesIn

_MOST_RECIPIENTS = 100
_MOST_BESIDE_RULES = 50


_NtfyText = Annotated[str, Field(max_length=4000)]
_NTFY = "For the adapter ntfy, as its header of this name:"


class TokenQuery(Query):
    """Whom the events are for, and whether they are made."""

    dry_run: bool = Field(default=False, description="Answer the events and recipients, and make nothing.")
    to: Omittable[Annotated[str, Field(min_length=1, max_length=4000)]] = Field(
        None,
        description="For a tools token: the recipients, separated by commas. An email address, a user id, or `group:` "
        "and the slug of a project. A personal token publishes to its owner. With rules, who gets what none matches.",
    )
    login: Omittable[Annotated[str, Field(min_length=1, max_length=100)]] = Field(
        None, description="For the adapter github: only mentions of this user, and only reviews that are asked of them."
    )

    title: Omittable[_NtfyText] = Field(None, description=f"{_NTFY} the title.")
    message: Omittable[_NtfyText] = Field(None, description=f"{_NTFY} the message, if the body has none.")
    priority: Omittable[_NtfyText] = Field(None, description=f"{_NTFY} 1 to 5, or a word such as `high`.")
    tags: Omittable[_NtfyText] = Field(None, description=f"{_NTFY} tags, separated by commas.")
    click: Omittable[_NtfyText] = Field(None, description=f"{_NTFY} the link.")
    actions: Omittable[_NtfyText] = Field(None, description=f"{_NTFY} buttons, in its short form or as JSON.")
    markdown: Omittable[_NtfyText] = Field(None, description=f"{_NTFY} `yes` if the message is Markdown.")
    sequence_id: Omittable[_NtfyText] = Field(None, description=f"{_NTFY} the id of the message.")

    @property
    def message_fields(self) -> dict[str, str]:
        """What is said of a message of ntfy in the query, by name."""
        return {name: text for name in MESSAGE_FIELDS if (text := getattr(self, name)) is not None}


class IngestQuery(TokenQuery):
    """The same, the mapping of the adapter json, and rules to try."""

    mapping: Omittable[Annotated[str, Field(min_length=2, max_length=4000)]] = Field(
        None,
        description="For the adapter json: a JSON object with a JMESPath expression for each member of an event, such "
        'as `{"title": "alert.name"}`.',
    )
    rules: Omittable[Annotated[str, Field(min_length=2, max_length=8000)]] = Field(
        None,
        description="For a tools token: rules as `PUT /api/v1/ingest-tokens/{tokenId}/rules` takes them, such as "
        '`[{"when": {"labels.team": "pay*"}, "to": ["group:payments"]}]`. The last that matches decides who gets an '
        "event.",
    )


@dataclass(frozen=True)
class IngestRequest:
    """A request as its adapter read it, and whom its events are for; nobody for the owner of a personal token."""

    reading: Reading
    recipients: Recipients
    dry_run: bool
    rules: tuple[Rule, ...] = ()

    def __post_init__(self) -> None:
        """Keep who may be named within what one call of publishing takes.

        Raises:
            Invalid: there are rules, and `to` names too many.
        """
        if self.rules and len(self.recipients) > _MOST_BESIDE_RULES:
            raise _refused(f"names {len(self.recipients)} recipients; at most {_MOST_BESIDE_RULES} beside rules")

    @property
    def names_recipients(self) -> bool:
        return bool(self.recipients or self.rules)

    def route(self, draft: Draft) -> Routing:
        """Return whom the draft is for. What follows up is for all: those who have the delivery."""
        if draft.step is IngestStep.PUBLISH:
            return route(draft, self.rules, self.recipients)
        return Routing(tuple(dict.fromkeys((*named_by(self.rules), *self.recipients))))


class IngestOutcome(StrEnum):
    """What became of an event."""

    DELIVERED = "delivered"
    ACCEPTED = "accepted"
    REPEATED = "repeated"
    HELD = "held"
    RESOLVED = "resolved"
    NOTED = "noted"
    UNKNOWN = "unknown"
    REFUSED = "refused"


class IngestRecipient(Out):
    """A recipient of an event: the delivery, or the reason why there is none."""

    recipient: Recipient
    email: Omittable[Annotated[str, Field(json_schema_extra={"format": "email"})]] = None
    delivery_id: Omittable[UuidOut] = None
    error: Omittable[RowError] = None


class IngestError(Out):
    """Why an event was refused."""

    code: str
    detail: str


class IngestRouting(Out):
    """Why an event is for its recipients: the number of the rule that decides, and of all that match, from 1.

    Without `rule` none matches, and the event is for those in `to`.
    """

    rule: Omittable[int] = None
    matched: list[int]


class IngestRow(Out):
    """One event of the request. A dry run answers the whole `event`, and no outcome; with rules also which one decides.

    `accepted` events of a tools token are delivered after the reply; `unknown` is what should resolve or note an event
    that nobody has.
    """

    event_id: str
    event_type: str
    step: IngestStep
    outcome: Omittable[IngestOutcome] = None
    recipients: list[IngestRecipient]
    routing: Omittable[IngestRouting] = None
    event: Omittable[InboundEvent] = None
    error: Omittable[IngestError] = None


class IngestOut(Out):
    """One row for each event that the adapter found, in their order, or the reason why it found none."""

    dry_run: bool
    results: list[IngestRow]
    ignored: Omittable[str] = None
    request_id: str
    status: Omittable[str] = Field(None, description="`success`, where clients of the other system read it.")
    message: Omittable[str] = None
    dedup_key: Omittable[str] = Field(
        None, alias="dedup_key", description="For the adapter pagerduty: the event's key."
    )


def parse_recipients(text: str | None) -> Recipients:
    """Read the query parameter `to`.

    Raises:
        Invalid: a recipient is malformed, or there are more than 100.
    """
    named = [each.strip() for each in (text or "").split(",") if each.strip()]
    if len(named) > _MOST_RECIPIENTS:
        raise _refused(f"names {len(named)} recipients; at most {_MOST_RECIPIENTS} are allowed")
    if text and not named:
        raise _refused("names nobody")
    try:
        return tuple(dict.fromkeys(map(read_recipient, named)))
    except ValidationError as error:
        raise _refused("must name email addresses, user ids, or group: and a slug") from error


def parse_mapping(text: str | None) -> dict[str, str]:
    """Read the query parameter `mapping`.

    Raises:
        Invalid: it is no JSON object, or its members or expressions are not those of a mapping.
    """
    if text is None:
        return {}
    try:
        mapping = from_json(text)
    except ValueError as error:
        raise Invalid("mapping must be a JSON object.", {"mapping": ["must be a JSON object"]}) from error
    if not isinstance(mapping, dict) or not all(isinstance(each, str) for each in mapping.values()):
        raise Invalid("mapping must be an object of texts.", {"mapping": ["must be an object of texts"]})
    check_mapping(mapping)
    return mapping


def parse_rules(text: str | None) -> tuple[Rule, ...]:
    """Read the query parameter `rules`.

    Raises:
        Invalid: it is no JSON list of rules, or they are not those that a token may have.
    """
    if text is None:
        return ()
    try:
        rules = TypeAdapter(list[IngestRule]).validate_json(text)
        IngestRulesIn(rules=rules)
    except ValidationError as error:
        reason = "must be a JSON list of rules, each with when and to"
        raise Invalid(f"rules {reason}.", {"rules": [reason]}) from error
    return read_rules(rules)


def ingest_charge(request: IngestRequest) -> Charge:
    """Return the charge: for each event that of publishing it, or of a bulk call where recipients are named."""
    drafts = request.reading.drafts
    published = [each for each in drafts if each.step is IngestStep.PUBLISH]
    if request.dry_run or not drafts:
        return Charge()
    if request.names_recipients:
        return Charge(len(drafts), deliveries=sum(len(request.route(each).recipients) for each in published))
    units = sum(each.severity.units for each in published) + len(drafts) - len(published)
    return Charge(units, deliveries=len(published))


def _refused(reason: str) -> Invalid:
    return Invalid(f"to {reason}.", {"to": [reason]})
