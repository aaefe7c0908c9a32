"""The messages that this desk sends by e-mail: one delivery, a digest of several, and a trial."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from chalicelib.core.domain.fields import parse_timestamp
from chalicelib.core.domain.severity import Severity
from chalicelib.inbox.domain.deliveries import Delivery
from chalicelib.reach.domain.mail import MailMessage
from chalicelib.reach.domain.mail_format import (
    Envelope,
    compose,
    header_text,
    html_text,
    link,
    mail_domain,
    muted,
    page,
    plain_text,
    severity_mark,
)
from chalicelib.reach.domain.mail_words import Language, severity_word, word

MOST_BODY = 4000
MOST_OF_SYSTEM = 10
MOST_SYSTEMS = 20
_MOST_SYSTEMS_IN_SUBJECT = 3


@dataclass(frozen=True)
class Reader:
    """Who reads a message: their address, language and time zone."""

    user_id: str
    address: str
    language: Language = Language.ENGLISH
    zone: tzinfo = field(default_factory=lambda: ZoneInfo("UTC"))


def zone_of(name: str | None) -> tzinfo:
    """Return the time zone of this name; UTC if there is none."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


@dataclass(frozen=True)
class Origin:
    """The desk that sends: as whom, where its console is, and where this reader turns e-mail off."""

    sender: str
    base_url: str
    unsubscribe_url: str

    def item_url(self, delivery_id: str) -> str:
        """Return where the console shows a delivery, once its reader has signed in."""
        return f"{self.base_url}/#/inbox/{delivery_id}"

    @property
    def inbox_url(self) -> str:
        return f"{self.base_url}/#/inbox"


def delivery_message(
    delivery: Delivery, *, system: str, reader: Reader, origin: Origin, message_id: str, now: datetime
) -> MailMessage:
    """Make the message about one delivery. `system` is the name of its integrator.

    Its buttons lead to the delivery in the console: nothing in a message acts.
    """
    language, url = reader.language, origin.item_url(delivery.delivery_id)
    head = _head(delivery, system, reader)
    body, is_cut = _body(delivery)
    text = [delivery.title, head, delivery.summary or "", body]
    html = [
        f'<h1 style="font-size:20px;line-height:1.3;margin:0 0 8px">{html_text(delivery.title)}</h1>',
        muted(_html_head(delivery, system, reader)),
        *(f'<p style="margin:0 0 16px">{html_text(each)}</p>' for each in (delivery.summary, body) if each),
    ]
    if is_cut:
        text.append(word(language, "more"))
        html.append(muted(html_text(word(language, "more"))))
    labels = [str(each["label"]) for each in delivery.buttons]
    text.append(f"{word(language, 'open')}: {url}")
    html.append(f'<p style="margin:0 0 16px">{link(url, word(language, "open"), kind="button")}</p>')
    if labels:
        text.append("\n".join([word(language, "actions"), *(f"- {header_text(each)}" for each in labels)]))
        buttons = "".join(link(url, each, kind="action") for each in labels)
        html.append(f"<div>{buttons}</div>{muted(html_text(word(language, 'actions')), margin='8px 0 0')}")
    envelope = _envelope(delivery.title, reader, origin, message_id, now, thread=delivery.delivery_id)
    return _compose(envelope, text, ["".join(html)], reader, origin)


def digest_message(
    deliveries: Sequence[Delivery],
    *,
    systems: Mapping[str, str],
    reader: Reader,
    origin: Origin,
    message_id: str,
    now: datetime,
    is_full: bool = False,
) -> MailMessage:
    """Make the message about several deliveries, by integrator; `systems` has the integrators' names by their slugs.

    The most severe come first, and of these the latest. Of each integrator the first ones are listed, and the others
    counted. `is_full` says that there are more.
    """
    language = reader.language
    groups: dict[str, list[Delivery]] = {}
    for each in sorted(sorted(deliveries, key=lambda each: each.occurred_at, reverse=True), key=_rank):
        groups.setdefault(systems.get(each.integrator, each.integrator), []).append(each)
    text, cards = [word(language, "digest.title")], [_digest_head(language)]
    for system, found in list(groups.items())[:MOST_SYSTEMS]:
        listed, more = found[:MOST_OF_SYSTEM], len(found) - MOST_OF_SYSTEM
        rest = [word(language, "digest.more", count=more)] if more > 0 else []
        lines = [f"== {header_text(system)}", *(_text_line(each, reader, origin) for each in listed), *rest]
        text.append("\n".join(lines))
        rows = "".join([*(_html_line(each, reader, origin) for each in listed), *map(_html_note, rest)])
        cards.append(f'<h2 style="font-size:16px;margin:0 0 12px">{html_text(system)}</h2>{rows}')
    others = sum(len(each) for each in list(groups.values())[MOST_SYSTEMS:])
    last = [word(language, "digest.others", count=others)] if others else []
    last += [word(language, "more")] if is_full else []
    text += [*last, f"{word(language, 'openInbox')}: {origin.inbox_url}"]
    html_last = "".join(f'<p style="margin:0 0 12px">{html_text(each)}</p>' for each in last)
    cards.append(f"{html_last}{link(origin.inbox_url, word(language, 'openInbox'), kind='button')}")
    subject = _digest_subject(len(deliveries), list(groups), language)
    return _compose(_envelope(subject, reader, origin, message_id, now), text, cards, reader, origin)


def trial_message(sender: str, recipient: str, *, message_id: str, now: datetime) -> MailMessage:
    """Make a message that shows an operator that mail arrives, in both languages."""
    languages = (Language.ENGLISH, Language.CHINESE)
    subject = " · ".join(word(each, "trial.subject") for each in languages)
    texts = [word(each, "trial.text") for each in languages]
    cards = ["".join(f'<p style="margin:0 0 8px">{html_text(each)}</p>' for each in texts)]
    envelope = Envelope(sender, recipient, subject, message_id, now, mail_domain("", sender))
    return compose(envelope, "\n\n".join(texts), page("en", subject, cards, ""))


def _envelope(
    subject: str, reader: Reader, origin: Origin, message_id: str, now: datetime, *, thread: str | None = None
) -> Envelope:
    domain = mail_domain(origin.base_url, origin.sender)
    return Envelope(
        origin.sender, reader.address, subject, message_id, now, domain, thread, origin.unsubscribe_url or None
    )


def _compose(
    envelope: Envelope, text: Sequence[str], cards: Sequence[str], reader: Reader, origin: Origin
) -> MailMessage:
    language = reader.language
    why, off = word(language, "why", desk=origin.base_url), word(language, "off")
    footer = f"{html_text(why)} {link(origin.unsubscribe_url, off)}" if origin.unsubscribe_url else html_text(why)
    ending = f"-- \n{why}" + (f"\n{off}: {origin.unsubscribe_url}" if origin.unsubscribe_url else "")
    parts = [plain_text(each) for each in text if each]
    html = page(language.value, header_text(envelope.subject), cards, footer)
    return compose(envelope, "\n\n".join([*parts, ending]), html)


def _head(delivery: Delivery, system: str, reader: Reader) -> str:
    return " · ".join((severity_word(reader.language, delivery.severity), header_text(system), _time(delivery, reader)))


def _html_head(delivery: Delivery, system: str, reader: Reader) -> str:
    mark = severity_mark(delivery.severity, severity_word(reader.language, delivery.severity))
    return f"{mark} · {html_text(system)} · {html_text(_time(delivery, reader))}"


def _time(delivery: Delivery, reader: Reader) -> str:
    at = parse_timestamp(delivery.occurred_at).astimezone(reader.zone)
    return f"{at:%Y-%m-%d %H:%M} {at.tzname() or 'UTC'}"


def _body(delivery: Delivery) -> tuple[str, bool]:
    body = str(delivery.content.get("markdown_body") or "")
    return (body, False) if len(body) <= MOST_BODY else (f"{body[:MOST_BODY].rstrip()} …", True)


def _rank(delivery: Delivery) -> int:
    return -Severity(delivery.severity).rank


def _html_note(text: str) -> str:
    return muted(html_text(text), margin="0")


def _digest_head(language: Language) -> str:
    return f'<h1 style="font-size:20px;line-height:1.3;margin:0">{html_text(word(language, "digest.title"))}</h1>'


def _text_line(delivery: Delivery, reader: Reader, origin: Origin) -> str:
    severity = severity_word(reader.language, delivery.severity)
    lines = [f"* {header_text(delivery.title)}", f"  {severity} · {_time(delivery, reader)}"]
    if delivery.summary:
        lines.append(f"  {header_text(delivery.summary)}")
    return "\n".join([*lines, f"  {origin.item_url(delivery.delivery_id)}"])


def _html_line(delivery: Delivery, reader: Reader, origin: Origin) -> str:
    mark = severity_mark(delivery.severity, severity_word(reader.language, delivery.severity))
    summary = f"<div>{html_text(header_text(delivery.summary))}</div>" if delivery.summary else ""
    title = link(origin.item_url(delivery.delivery_id), delivery.title)
    time = f'<span class="muted" style="color:#59636e;font-size:13px"> · {html_text(_time(delivery, reader))}</span>'
    return (
        f'<div style="margin:0 0 16px"><div style="font-weight:600">{title}</div><div>{mark}{time}</div>{summary}</div>'
    )


def _digest_subject(count: int, systems: Sequence[str], language: Language) -> str:
    names = word(language, "join").join(map(header_text, systems[:_MOST_SYSTEMS_IN_SUBJECT]))
    if (others := len(systems) - _MOST_SYSTEMS_IN_SUBJECT) > 0:
        number = others if language is Language.ENGLISH else len(systems)
        names = word(language, "digest.systems.one" if others == 1 else "digest.systems", first=names, count=number)
    return word(language, "digest.subject" if count > 1 else "digest.subject.one", count=count, systems=names)
