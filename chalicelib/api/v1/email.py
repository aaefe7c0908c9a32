"""v1: your e-mail, and the addresses in messages that turn it off (additions to the contract)."""

from html import escape
from uuid import uuid4

from chalice.app import Blueprint

from chalicelib.api.v1.contract import REMEMBER, SPEND, operation
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.errors import Conflict, NotFound, TooLarge
from chalicelib.core.domain.requests import RawRequest, RequestContext
from chalicelib.edge.operation import OperationReply
from chalicelib.parallel import gather
from chalicelib.people.stores.directory import DynamoDirectory
from chalicelib.reach.domain.personal_mail import EmailIn, EmailOut
from chalicelib.reach.gateways.email_jobs import EMAIL_JOBS
from chalicelib.reach.services.personal_mail import OwnEmail, turn_off
from chalicelib.reach.stores.mail_settings import DynamoMailSettings
from chalicelib.reach.stores.personal_mail import DynamoPersonalMail
from chalicelib.reach.unsubscribe import PATH, read_token
from chalicelib.resources import DIRECTORY, EMAIL, UNSEAL

bp = Blueprint(__name__)

_PAGE = "text/html; charset=utf-8"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
_UNKNOWN = "This address turns off nobody's e-mail. Sign in, and turn it off under Account."


def _own() -> OwnEmail:
    return OwnEmail(DynamoDirectory(), DynamoMailSettings(), DynamoPersonalMail(), gather)


@operation(
    bp,
    "GET",
    "/api/v1/me/email",
    tag="reach",
    answers={200: "Your e-mail."},
    permission="inbox",
    grants=SPEND + DIRECTORY.can("GetItem", "BatchGetItem"),
)
def show_email(caller: ApiKey) -> EmailOut:
    """Get where your e-mail goes, and whether it does."""
    return _own().show(caller)


@operation(
    bp,
    "PUT",
    "/api/v1/me/email",
    tag="reach",
    answers={200: "Your e-mail."},
    refusals=(Conflict, TooLarge),
    permission="inbox",
    replay=EmailOut.model_validate,
    grants=SPEND + REMEMBER + DIRECTORY.can("GetItem", "BatchGetItem", "UpdateItem", "ConditionCheckItem"),
)
def change_email(body: EmailIn, caller: ApiKey, context: RequestContext) -> EmailOut:
    """Turn your e-mail off or on.

    An address that is paused, because it took no mail or because you marked a message as spam, stays paused until it
    takes a test message.
    """
    return _own().change(body, owner=caller, context=context)


@operation(
    bp,
    "POST",
    "/api/v1/me/email/test",
    tag="reach",
    status=202,
    answers={202: "A test message is on its way. `testedAt` says when it was sent, and `failure` what came of it."},
    refusals=(Conflict,),
    permission="inbox",
    grants=SPEND + DIRECTORY.can("GetItem", "BatchGetItem", "UpdateItem", "ConditionCheckItem") + EMAIL.can_send(),
)
def test_email(caller: ApiKey, context: RequestContext) -> EmailOut:
    """Send a test message to your address. If it is taken, an address that was paused gets mail again."""
    return _own().ask_for_test(owner=caller, test_id=str(uuid4()), queue=EMAIL_JOBS, now=context.now)


@operation(
    bp,
    "GET",
    f"{PATH}{{token}}",
    tag="reach",
    answers={200: "A page with a button."},
    refusals=(NotFound,),
    media_type=_PAGE,
    grants=UNSEAL,
)
def show_unsubscribe(token: str) -> OperationReply:
    """Show a page with a button that turns e-mail off.

    The address is in every message that this desk sends, so programs that follow links change nothing.
    """
    if read_token(token) is None:
        raise NotFound(_UNKNOWN)
    name = "Turn e-mail off · 关闭邮件"
    button = f'<form method="post"><button name="List-Unsubscribe" value="One-Click">{name}</button></form>'
    return _page("Turn e-mail off? · 关闭邮件？", button)


@operation(
    bp,
    "POST",
    f"{PATH}{{token}}",
    tag="reach",
    answers={200: "E-mail is off."},
    refusals=(NotFound,),
    media_type=_PAGE,
    reader=lambda request, _, __: request,
    grants=UNSEAL + DIRECTORY.can("UpdateItem", "ConditionCheckItem"),
)
def unsubscribe_from_email(token: str, body: RawRequest, context: RequestContext) -> OperationReply:  # noqa: ARG001
    """Turn off the e-mail of the person to whom a message was sent (RFC 8058).

    Mail programs call it when one presses their own button. It can be repeated. `PUT /api/v1/me/email` turns e-mail on
    again.
    """
    user_id = read_token(token)
    if user_id is None:
        raise NotFound(_UNKNOWN)
    turn_off(user_id, mails=DynamoPersonalMail(), now=context.now)
    return _page(
        "E-mail is off. · 邮件已关闭。",
        "<p>You can turn it on again under Account in the console.</p><p>您可以在控制台的账户页面重新开启。</p>",
    )


def _page(title: str, content: str) -> OperationReply:
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="robots" content="noindex">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" '
        f'content="light dark"><title>{escape(title)}</title><style>:root{{color-scheme:light dark}}'
        "body{font:1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem}"
        "button{font:inherit;padding:.6rem 1.2rem}</style></head>"
        f"<body><h1>{escape(title)}</h1>{content}</body></html>"
    )
    return OperationReply(text, 200, {"Content-Security-Policy": _POLICY})
