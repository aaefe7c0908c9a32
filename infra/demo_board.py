"""Create the demo organisation's boards and contacts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.board.domain.board import Assignee, CardPriority, CardStatus
from chalicelib.board.domain.board_messages import CardIn, ChecklistItemIn
from chalicelib.board.domain.card_contacts import CardContactIn, Involvement
from chalicelib.board.domain.contacts import ContactIn
from chalicelib.board.services import board, card_contacts, contacts
from chalicelib.board.stores.board import DynamoBoard
from chalicelib.board.stores.card_contacts import DynamoCardContacts
from chalicelib.board.stores.contacts import DynamoContacts
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.fields import timestamp
from chalicelib.core.domain.requests import RequestContext

Identify = Callable[[str, str], str]


@dataclass(frozen=True)
class DemoCard:
    """A demo card. `about` lists contacts with their roles; the first `done` of its `steps` are completed."""

    key: str
    title: str
    status: CardStatus
    priority: CardPriority = CardPriority.MEDIUM
    assignee: Assignee = Assignee.HUMAN
    description: str | None = None
    due_in_days: int | None = None
    steps: tuple[str, ...] = ()
    done: int = 0
    about: tuple[tuple[str, str], ...] = ()


CONTACTS: Mapping[str, Mapping[str, ContactIn]] = {
    "alice": {
        "mira": ContactIn(
            name="Mira Okonkwo",
            email="mira@northwind.example",
            company="Northwind Freight",
            phone="+44 20 7946 0301",
            role="Head of Operations",
            tags="customer,logistics",
            source="conference",
            notes="Prefers a call before ten.",
        ),
        "jose": ContactIn(
            name="José Álvarez",
            email="jose.alvarez@bluepeak.example",
            company="Blue Peak Energy",
            role="CTO",
            tags="customer,energy,reference",
            enrichedData='{"employees": 420, "country": "ES"}',
        ),
        "tomoko": ContactIn(
            name="Tomoko Sato",
            email="tomoko@harbor.example",
            company="Harbor Legal",
            role="Counsel",
            tags="partner,legal",
        ),
        "sven": ContactIn(
            name="Sven Lindqvist", email="sven@lindqvist.example", role="Freelance designer", tags="supplier,design"
        ),
        "priya": ContactIn(
            name="Priya Raman",
            email="priya@northwind.example",
            company="Northwind Freight",
            role="Procurement",
            tags="customer,logistics",
        ),
    },
    "bob": {
        "olga": ContactIn(
            name="Olga Petrova",
            email="olga@rackspring.example",
            company="Rackspring",
            role="Account manager",
            tags="supplier",
        ),
    },
}
CARDS: Mapping[str, tuple[DemoCard, ...]] = {
    "alice": (
        DemoCard(
            "northwind",
            "Northwind wants delivery alerts in every depot",
            CardStatus.PROPOSAL,
            CardPriority.HIGH,
            description="Eleven depots, two languages. They compare us with e-mail.",
            due_in_days=5,
            steps=("Count the depots' addresses", "Draft the price", "Have legal read it"),
            done=1,
            about=(("mira", "decision maker"), ("priya", "procurement"), ("tomoko", "legal")),
        ),
        DemoCard(
            "bluepeak",
            "Blue Peak: renewal",
            CardStatus.NEGOTIATION,
            CardPriority.URGENT,
            due_in_days=2,
            steps=("Send last year's usage", "Agree on the discount"),
            done=1,
            about=(("jose", "signs"),),
        ),
        DemoCard("meetup", "Follow up on the meetup's business cards", CardStatus.LEADS, assignee=Assignee.AGENT),
        DemoCard(
            "widgets",
            "Move widget-pro to the new build cluster",
            CardStatus.DEVELOPMENT,
            CardPriority.HIGH,
            Assignee.AGENT,
            steps=("Mirror the caches", "Switch the nightly build", "Switch the rest", "Turn the old one off"),
            done=2,
        ),
        DemoCard(
            "brand", "New icons for the console", CardStatus.PAUSED, CardPriority.LOW, about=(("sven", "designer"),)
        ),
        DemoCard("onboarding", "Erin's first week", CardStatus.COMPLETED, steps=("Laptop", "Accounts"), done=2),
    ),
    "bob": (
        DemoCard(
            "racks",
            "Order racks for the second room",
            CardStatus.ACTIVE,
            due_in_days=9,
            steps=("Compare three offers", "Check the floor's load"),
            done=1,
            about=(("olga", "offer"),),
        ),
        DemoCard("audit", "Prepare the access audit", CardStatus.PLANNING, CardPriority.HIGH, Assignee.AGENT),
    ),
}


def create(users: Mapping[str, str], identifier: Identify, *, now: datetime) -> None:
    """Create the cards and contacts that don't exist yet."""
    context = RequestContext("demo", now)
    for name, wanted in CONTACTS.items():
        for key, contact in wanted.items():
            contact_id = identifier("contact", key)
            if DynamoContacts().find_contact(users[name], contact_id) is None:
                contacts.create_contact(
                    contact,
                    contact_id=contact_id,
                    index_id=identifier("index", key),
                    owner=_owner(users[name]),
                    context=context,
                    contacts=DynamoContacts(),
                )
    for name, cards in CARDS.items():
        for card in cards:
            if DynamoBoard().find_card(users[name], identifier("card", card.key)) is None:
                _create_card(card, _owner(users[name]), identifier, context)


def _create_card(card: DemoCard, owner: ApiKey, identifier: Identify, context: RequestContext) -> None:
    card_id, store = identifier("card", card.key), DynamoBoard()
    given = {
        "title": card.title,
        "description": card.description,
        "status": card.status,
        "priority": card.priority,
        "assignee": card.assignee,
        "dueDate": None if card.due_in_days is None else timestamp(context.now + timedelta(days=card.due_in_days)),
    }
    board.create_card(CardIn.model_validate(given), card_id=card_id, owner=owner, context=context, board=store)
    for number, text in enumerate(card.steps):
        item_id = identifier("item", f"{card.key}/{number}")
        step = ChecklistItemIn(text=text, completed=number < card.done)
        board.add_item(card_id, step, item_id=item_id, owner=owner, context=context, board=store)
    for key, role in card.about:
        contact_id = identifier("contact", key)
        if DynamoContacts().find_contact(owner.user_id, contact_id) is not None:
            card_contacts.link_contact(
                card_id,
                CardContactIn(contactId=contact_id, role=role, involvement=Involvement.CONTRIBUTOR),
                link_id=identifier("link", f"{card.key}/{key}"),
                owner=owner,
                context=context,
                board=store,
                contacts=DynamoContacts(),
                links=DynamoCardContacts(),
            )


def _owner(user_id: str) -> ApiKey:
    return ApiKey("demo", user_id, frozenset({"all"}))
