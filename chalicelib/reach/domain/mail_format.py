"""The form of a message: headers, a part in plain text and a part in HTML (RFC 5322, RFC 2046).

Nothing that somebody else wrote becomes a header or markup: it goes through `header_text` or `html_text`.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from html import escape
from urllib.parse import urlsplit
from uuid import UUID, uuid5

from chalicelib.reach.domain.mail import MailMessage

_NAMESPACE = UUID("5d2ae6a3-4a53-5c0e-8f0c-0d8f3bb0a1c6")
_MOST_SUBJECT = 200
_RAW = re.compile(r"[\x20-\x7e]*")

# Colours of the console, on the page's background; (light, dark).
SEVERITY_COLOURS = {
    "critical": ("#b42318", "#ff8a80"),
    "warn": ("#8a5300", "#f2b84b"),
    "info": ("#175cd3", "#84b6ff"),
    "success": ("#067647", "#5fd39a"),
}
_STYLE = "".join(
    (
        ":root{color-scheme:light dark;supported-color-schemes:light dark}",
        "@media (prefers-color-scheme:dark){",
        "body,.page{background:#0f1317!important;color:#e8ebef!important}",
        ".card{background:#181d23!important;border-color:#303842!important}",
        ".muted,.muted a{color:#a3adb8!important}",
        ".button{background:#84b6ff!important;color:#0b1a30!important}",
        ".action{border-color:#84b6ff!important}",
        ".action,.link{color:#84b6ff!important}",
        *(f".{name}{{color:{dark}!important}}" for name, (_, dark) in SEVERITY_COLOURS.items()),
        "}",
    )
)
_FONT = "-apple-system,BlinkMacSystemFont,'Segoe UI','PingFang SC','Microsoft YaHei',Roboto,Helvetica,Arial,sans-serif"


@dataclass(frozen=True)
class Envelope:
    """Everything of a message but its text. `unsubscribe_url` ends mail with one click (RFC 8058).

    `message_id` is what stands before the @ of the Message-ID.
    """

    sender: str
    recipient: str
    subject: str
    message_id: str
    sent_at: datetime
    domain: str
    thread: str | None = None
    unsubscribe_url: str | None = None


def mail_domain(base_url: str, sender: str) -> str:
    """Return the domain that message ids end with: that of the desk, or else that of its sender."""
    host = urlsplit(base_url).hostname or parseaddr(sender)[1].rpartition("@")[2]
    return _ascii_domain(host) or "localhost"


def header_text(text: str) -> str:
    """Make one line of a text: no control or invisible formatting characters, and no line breaks of any kind."""
    plain = "".join(" " if unicodedata.category(each) in ("Cc", "Zl", "Zp") else each for each in text)
    shown = "".join(each for each in plain if unicodedata.category(each) not in ("Cf", "Cs", "Co", "Cn"))
    # What looks encoded already would be decoded by its reader, line breaks and all (RFC 2047).
    line = " ".join(shown.split()).replace("=?", "= ?")
    return line if len(line) <= _MOST_SUBJECT else f"{line[: _MOST_SUBJECT - 1]}…"


def html_text(text: str) -> str:
    """Escape a text for HTML; its line breaks stay."""
    return "<br>".join(escape(_without_controls(line)) for line in text.splitlines())


def plain_text(text: str) -> str:
    """Return a text for the plain part, without characters that could not be sent."""
    return "\n".join(_without_controls(line).rstrip() for line in text.splitlines())


def _without_controls(line: str) -> str:
    return "".join(each for each in line if each == "\t" or unicodedata.category(each) not in ("Cc", "Cs"))


def compose(envelope: Envelope, text: str, html: str) -> MailMessage:
    """Make a message of its parts. Text and HTML say the same."""
    recipient, sender = to_sendable(envelope.recipient), to_sendable(parseaddr(envelope.sender)[1])
    # An address with letters beyond ASCII before its @ travels as it is (RFC 6531).
    policy = SMTP.clone(cte_type="7bit", utf8=not (recipient.isascii() and sender.isascii()))
    made = EmailMessage(policy)
    made["From"] = _address(sender, header_text(parseaddr(envelope.sender)[0]))
    made["To"] = _address(recipient)
    made["Subject"] = header_text(envelope.subject)
    made.set_content(f"{text}\n", charset="utf-8")
    made.add_alternative(f"{html}\n", subtype="html", charset="utf-8")
    return MailMessage(sender, recipient, _lines(_own_headers(envelope)) + made.as_bytes())


def _address(address: str, name: str = "") -> Address:
    local, _, domain = address.rpartition("@")
    return Address(name, local, domain)


def _own_headers(envelope: Envelope) -> Mapping[str, str]:
    """Return the headers whose values are ids and addresses, which must not be folded or encoded."""
    headers = {
        "Date": format_datetime(envelope.sent_at),
        "Message-ID": f"<{envelope.message_id}@{envelope.domain}>",
        # RFC 3834: no holiday notice answers it. Mail providers call for List-Unsubscribe.
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
    }
    if envelope.thread:
        # No message has this id; those that name it belong together, whatever id a mail service gives them.
        root = f"<event.{uuid5(_NAMESPACE, envelope.thread)}@{envelope.domain}>"
        headers |= {"In-Reply-To": root, "References": root}
    if envelope.unsubscribe_url:
        headers |= {
            "List-Unsubscribe": f"<{envelope.unsubscribe_url}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
    return headers


def _lines(headers: Mapping[str, str]) -> bytes:
    for name, value in headers.items():
        if not _RAW.fullmatch(value):
            raise ValueError(f"The header {name} has characters that no header may have.")
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()


def to_sendable(address: str) -> str:
    """Return an address with its domain in ASCII, as mail servers look it up."""
    local, _, domain = address.rpartition("@")
    return f"{local}@{_ascii_domain(domain)}"


def _ascii_domain(domain: str) -> str:
    try:
        return domain.encode("idna").decode() if not domain.isascii() else domain.lower()
    except UnicodeError:
        return domain


def link(url: str, text: str, *, kind: str = "link") -> str:
    """Return a link. `url` is ours; `text` may be anybody's."""
    styles = {
        "button": "display:inline-block;padding:10px 18px;border-radius:8px;background:#175cd3;color:#ffffff;"
        "text-decoration:none;font-weight:600",
        "action": "display:inline-block;padding:8px 14px;border-radius:8px;border:1px solid #175cd3;color:#175cd3;"
        "text-decoration:none;margin:0 8px 8px 0",
        "link": "color:#175cd3",
    }
    return f'<a class="{kind}" href="{escape(url)}" style="{styles[kind]}">{html_text(text)}</a>'


def severity_mark(severity: str, name: str) -> str:
    """Return the severity as a coloured word, which reads without its colour too."""
    light, _ = SEVERITY_COLOURS.get(severity, SEVERITY_COLOURS["info"])
    return f'<strong class="{escape(severity)}" style="color:{light}">{html_text(name)}</strong>'


def muted(html: str, *, margin: str = "0 0 16px") -> str:
    """Return a paragraph of less importance; `html` is markup."""
    return f'<p class="muted" style="color:#59636e;font-size:14px;margin:{margin}">{html}</p>'


def page(language: str, title: str, cards: Sequence[str], footer: str) -> str:
    """Return the HTML of a message: cards below each other. It loads nothing and has no images."""
    boxes = "".join(
        '<div class="card" style="background:#ffffff;border:1px solid #d0d7de;border-radius:12px;padding:24px;'
        f'margin:0 0 16px">{each}</div>'
        for each in cards
    )
    return (
        f'<!doctype html><html lang="{escape(language)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">'
        f"<title>{html_text(title)}</title><style>{_STYLE}</style></head>"
        f'<body style="margin:0;padding:0;background:#f6f8fa;color:#1f2328;font-family:{_FONT}">'
        '<div class="page" style="max-width:600px;margin:0 auto;padding:24px 16px;font-size:16px;line-height:1.5;'
        f'overflow-wrap:anywhere">{boxes}'
        f"{muted(footer, margin='16px 8px')}</div></body></html>"
    )
