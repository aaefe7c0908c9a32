"""Which parts of an agent's instructions a message calls for: seventeen groups, their signals and their scores."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import Field

from chalicelib.core.domain.fields import Out

VERSION = "1.0"
MESSAGE_MATCH, CONTEXT_MATCH, BASELINE, THRESHOLD, ALWAYS = 0.6, 0.3, 0.05, 0.3, 1.0
CONTEXT_MESSAGES = 3
SHORT_MESSAGE = 15
# Between two parts of a signal anything may stand.
_GAP = "…"
_GREETING = re.compile(r"(hi|hello|hey|sup|yo|what['’]?s up|good morning|gm)\b", re.IGNORECASE)


@dataclass(frozen=True)
class PromptGroup:
    """A part of the instructions. `signals` are regular expressions, any of which calls for it; none: always loaded."""

    index: int
    name: str
    description: str
    signals: tuple[str, ...] = ()

    @property
    def always(self) -> bool:
        return not self.signals

    @property
    def pattern(self) -> str:
        """All signals as one regular expression, for whatever engine; upper and lower case are the same."""
        return "|".join(self.signals).replace(_GAP, r"[\s\S]*")

    @cached_property
    def _sequences(self) -> list[list[re.Pattern[str]]]:
        plain = [signal for signal in self.signals if _GAP not in signal]
        parts = ["|".join(plain)], *(signal.split(_GAP) for signal in self.signals if _GAP in signal)
        return [[re.compile(part, re.IGNORECASE) for part in each] for each in parts]

    def is_called_for(self, text: str) -> bool:
        """Whether the pattern is found in the text, in time that grows with the text's length and no faster."""
        # As one expression, a gap would be tried anew from each place where its first part stands.
        return any(_contains(sequence, text) for sequence in self._sequences)


@dataclass(frozen=True)
class GroupScore:
    """How relevant a group is to a message, from 0 to 1, and whether it is loaded."""

    index: int
    name: str
    score: float
    loads: bool


def _group(index: int, name: str, description: str, signals: str = "") -> PromptGroup:
    return PromptGroup(index, name, description, tuple(filter(None, signals.split("|"))))


GROUPS = (
    _group(1, "identity", "Who the agent is, the rules it keeps, and what time it is."),
    _group(2, "state", "Where things stand: priorities, the board in brief, the queue."),
    _group(3, "conversation", "What has been said, and in which thread."),
    _group(
        4,
        "people",
        "Contacts and their profiles.",
        "contact|crm|person|people|who|team|profile|relationship|connection|colleague|client|partner",
    ),
    _group(
        5,
        "memory",
        "What the agent has learned, and what its owner prefers.",
        "remember|learned|pattern|preference|always|usually|last time|before",
    ),
    _group(
        6,
        "schedule",
        "The calendar and what is due.",
        "calendar|event|meeting|schedule|appointment|today|tomorrow|this week|upcoming|deadline|due",
    ),
    _group(7, "capabilities_core", "The actions that an agent always has."),
    _group(
        8,
        "capabilities_triage",
        "How to sort what has come in.",
        "triage|catch[- ]?up|signal|inbox…analy|review…email|morning…brief|process…inbox|what…new|unread",
    ),
    _group(
        9,
        "capabilities_routing",
        "How to find somebody for a task, and how to post it.",
        "route|delegate|assign|outsource|find…someone|post…task|task…board|find…work|hire|job|decompose|propose…task",
    ),
    _group(
        10,
        "capabilities_federation",
        "What desks of different organisations do together.",
        "federation|entity…resolve|serendipity|network…brief|FVP|cross…instance|who…should…meet",
    ),
    _group(
        11,
        "capabilities_marketplace",
        "Finding, installing and running agents of others.",
        "marketplace|browse…agent|install…agent|execute…agent|subscribe…agent|uninstall",
    ),
    _group(
        12,
        "relay",
        "Passing messages between people's agents.",
        r"relay|ambient|broadcast|connection|send to|ask \w|tell \w|coordinate|delegate|route|federation",
    ),
    _group(13, "extensions", "What has been added to the agent.", "extension|skill|persona|plugin|custom"),
    _group(
        14,
        "setup",
        "Configuring the desk and connecting it to others.",
        "setup|configure|settings|api key|webhook|integration|connect|onboard",
    ),
    _group(
        15,
        "business",
        "Contracts, payments and reputation.",
        "earning|payment|agreement|contract|job|recording|stripe|reputation|invoice",
    ),
    _group(
        16,
        "team",
        "Teams and the members of projects.",
        r"team|project\s+member|collaborate|cross-member|team agent",
    ),
    _group(
        17,
        "active_caps",
        "What the agent may do towards the outside.",
        "capability|email…draft|meeting…schedule|outbound|send…email",
    ),
)


def score_groups(message: str, context: Sequence[str] = ()) -> list[GroupScore]:
    """Score every group for a message, in the groups' order; `context` are the messages before it, oldest first.

    Of the context the last three messages count, as one text. A message of fewer than 15 characters, or one
    that begins with a greeting, says too little: it loads every group, whatever their scores.
    """
    text, before = message.strip(), "\n".join(context[-CONTEXT_MESSAGES:])
    says_little = len(text) < SHORT_MESSAGE or _GREETING.match(text) is not None
    scores = [(group, _score(group, text, before)) for group in GROUPS]
    return [GroupScore(group.index, group.name, score, says_little or score >= THRESHOLD) for group, score in scores]


def _score(group: PromptGroup, message: str, context: str) -> float:
    if group.always:
        return ALWAYS
    found = MESSAGE_MATCH * group.is_called_for(message) + CONTEXT_MATCH * group.is_called_for(context)
    return round(min(found + BASELINE, 1.0), 2)


def _contains(sequence: Sequence[re.Pattern[str]], text: str) -> bool:
    place = 0
    for part in sequence:
        match = part.search(text, place)
        if match is None:
            return False
        place = match.end()
    return True


class PromptGroupOut(Out):
    """A part of an agent's instructions."""

    index: int
    name: str
    always_loaded: bool
    signal_patterns: list[str] = Field(
        description="Regular expressions that know no upper and lower case; any of them calls for the group."
    )
    description: str


class ScoringOut(Out):
    """How a group's score for a message is made."""

    message_match_weight: float
    context_match_weight: float
    baseline: float
    threshold: float = Field(description="From this score on, a group is loaded.")
    always_loaded_score: float
    context_window: str
    short_message_behavior: str


class ModuleScoringOut(Out):
    """How a module's score for a message is made."""

    message_match_weight: float
    context_match_weight: float
    baseline: float
    threshold: float
    always_load_score: float


class ModuleFieldOut(Out):
    """A member of a module; `default` and `example` where there are any."""

    type: str
    description: str
    default: Any = None
    example: Any = None


class ModuleFieldsOut(Out):
    """The members of a module that decide when and as what it is loaded."""

    signal_patterns: ModuleFieldOut
    token_estimate: ModuleFieldOut
    always_load: ModuleFieldOut
    module_version: ModuleFieldOut
    prompt_template: ModuleFieldOut
    editable_fields: ModuleFieldOut


class ModuleSpecOut(Out):
    """What a capability module is made of."""

    version: str
    description: str
    fields: ModuleFieldsOut
    scoring: ModuleScoringOut


class DynamicModulesOut(Out):
    """How modules that people install join the groups."""

    description: str
    max_modules_per_user: int
    max_token_budget: int
    scoring_algorithm: str


class LinksOut(Out):
    """Where to go from here."""

    self_: str = Field(alias="self")
    documentation: str


class PromptGroupsOut(Out):
    """The groups, in order of their index, and how they are scored."""

    version: str
    total_groups: int
    groups: list[PromptGroupOut]
    scoring: ScoringOut
    capability_module_spec: ModuleSpecOut
    dynamic_modules: DynamicModulesOut
    links: LinksOut = Field(alias="_links")


def registry() -> PromptGroupsOut:
    """All of it, as other desks read it to score as we do."""
    return PromptGroupsOut(
        version=VERSION,
        total_groups=len(GROUPS),
        groups=[
            PromptGroupOut(
                index=group.index,
                name=group.name,
                always_loaded=group.always,
                signal_patterns=[group.pattern] if group.signals else [],
                description=group.description,
            )
            for group in GROUPS
        ],
        scoring=ScoringOut(
            message_match_weight=MESSAGE_MATCH,
            context_match_weight=CONTEXT_MATCH,
            baseline=BASELINE,
            threshold=THRESHOLD,
            always_loaded_score=ALWAYS,
            context_window=f"The {CONTEXT_MESSAGES} messages before, joined into one text.",
            short_message_behavior=f"A message of fewer than {SHORT_MESSAGE} characters, or one that begins with a "
            "greeting, loads every group.",
        ),
        capability_module_spec=_module_spec(),
        dynamic_modules=DynamicModulesOut(
            description="Modules that a person has installed; they are scored beside the groups for every message.",
            max_modules_per_user=30,
            max_token_budget=4000,
            scoring_algorithm=f"{ALWAYS} for a module that is always loaded; otherwise {BASELINE}, and on top "
            f"{MESSAGE_MATCH} when a pattern is found in the message, or else {CONTEXT_MATCH} when one is found in "
            "the context. A module without patterns scores "
            f"{MESSAGE_MATCH} when its name stands in either. Highest first.",
        ),
        links=LinksOut(self_="/api/v2/prompt-groups", documentation="/api/v2/docs"),
    )


def _module_spec() -> ModuleSpecOut:
    return ModuleSpecOut(
        version=VERSION,
        description="A capability module is a piece of instructions that is loaded when a message calls for it.",
        fields=ModuleFieldsOut(
            signal_patterns=ModuleFieldOut(
                type="json_array",
                description="Regular expressions, without regard to upper and lower case, that call for the module.",
                example=["invoice|reminder", "overdue"],
            ),
            token_estimate=ModuleFieldOut(
                type="integer", description="How many tokens the module's text takes, roughly."
            ),
            always_load=ModuleFieldOut(
                type="boolean", description="Whether it is loaded for every message.", default=False
            ),
            module_version=ModuleFieldOut(type="string", description="The module's own version.", default="1.0"),
            prompt_template=ModuleFieldOut(
                type="text", description="The text, in which `{{field}}` stands for the value of an editable field."
            ),
            editable_fields=ModuleFieldOut(
                type="json_array",
                description="What the person who installs it may fill in: `name`, and optionally `label`, `type` "
                "(text, textarea, select or boolean), `options`, `defaultValue` and `description`.",
                example=[
                    {
                        "name": "tone",
                        "label": "Tone",
                        "type": "select",
                        "options": ["friendly", "formal"],
                        "defaultValue": "friendly",
                    }
                ],
            ),
        ),
        scoring=ModuleScoringOut(
            message_match_weight=MESSAGE_MATCH,
            context_match_weight=CONTEXT_MATCH,
            baseline=BASELINE,
            threshold=THRESHOLD,
            always_load_score=ALWAYS,
        ),
    )
