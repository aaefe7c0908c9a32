"""Send messages to chat services by Apprise, of which only the plugins of known services are loaded.

This module is imported where a chat URL is checked or used, and nowhere else: Apprise takes a tenth of a second.
"""

import re
from importlib import import_module
from typing import Any

from apprise.apprise import Apprise
from apprise.asset import AppriseAsset
from apprise.common import NotifyFormat, NotifyType, PersistentStoreMode
from apprise.conversion import convert_between
from apprise.logger import logger as apprise_logger
from pydantic_core import Url
from pydantic_core import ValidationError as UrlError

from chalicelib.core.domain.errors import Invalid
from chalicelib.core.domain.http_results import HttpResult
from chalicelib.core.domain.links import link_error
from chalicelib.core.domain.severity import Severity
from chalicelib.reach.domain.channel_messages import LONGEST_TITLE, Notice
from chalicelib.reach.gateways.chat_services import SERVICES, ChatService, find_service
from chalicelib.reach.gateways.guarded_requests import GuardedRequests, guarded
from chalicelib.settings import settings

_TYPES = {
    Severity.CRITICAL: NotifyType.FAILURE,
    Severity.WARN: NotifyType.WARNING,
    Severity.SUCCESS: NotifyType.SUCCESS,
}
# Texts come from other systems, and must not call everybody in a room: @everyone, <!here>, <@id>.
_MENTION = re.compile(r"@(?=\w)|<(?=[!@#])")
# In characters; services that take more are not sent more.
_LONGEST_BODY = 1_500
# What Apprise may add where the title goes into the body.
_AROUND_TITLE = 8
_GAP = "\n\n"
_ZERO_WIDTH = "\u200b"
_convert: Any = convert_between
_REQUESTS = GuardedRequests()
# Its lines have URLs and messages.
apprise_logger.disabled = True


def check_chat(url: str) -> tuple[str, str]:
    """Return the service and the host that a URL leads to.

    Raises:
        Invalid: no known service has such a URL, or it has parameters that are not offered, or its host is not public.
    """
    service, plugin = _load(url)
    if len(plugin) > 1:
        raise _refusal("names more than one recipient. Add a channel for each")
    if service.name == "slack" and "bot" in str(plugin.mode):
        return service.name, "slack.com"
    return service.name, service.host or _host_of(service, plugin)


def send_chat(url: str, notice: Notice) -> HttpResult:
    """Send a message to the service of a URL, and tell what came of its last request."""
    try:
        _, plugin = _load(url)
    except Invalid as refused:
        return HttpResult.unsent(refused.detail)
    # A service that reads Markdown gets texts escaped, and the link as it is; Apprise would escape that too.
    form = NotifyFormat.MARKDOWN if plugin.notify_format is NotifyFormat.MARKDOWN else NotifyFormat.TEXT
    title, body = _texts(plugin, notice, form)
    sender = Apprise(asset=plugin.asset)
    sender.add(plugin)
    kind = _TYPES.get(Severity(notice.severity), NotifyType.INFO)
    with guarded() as results:
        is_taken = sender.notify(body=body, title=title, notify_type=kind, body_format=form)
    if not results:
        return HttpResult(None, "the service's plugin made no request")
    last = results[-1]
    if is_taken or last.error is not None:
        return last
    # Some answer 200 and say in the body that they refuse.
    return HttpResult(None, "the service did not take the message", retry_after=last.retry_after)


def _texts(plugin: Any, notice: Notice, form: NotifyFormat) -> tuple[str, str]:
    """Return title and body within what the service takes, the link last, whole and as it is."""
    title = _escaped(notice.title, form)[: int(plugin.title_maxlen) or LONGEST_TITLE]
    above = 0 if plugin.title_maxlen else len(title) + _AROUND_TITLE
    room = min(int(plugin.body_maxlen), _LONGEST_BODY) - above - len(notice.link) - len(_GAP)
    text, left = _escaped(notice.text, form), len(notice.text)
    while len(text) > room and left > 0:
        # What is escaped is at most twice as long.
        left = max(0, left - max(1, (len(text) - room) // 2))
        text = _escaped(f"{notice.text[:left].rstrip()}…", form)
    return title, _GAP.join(each for each in (text, notice.link) if each) or title


def _escaped(text: str, form: NotifyFormat) -> str:
    plain = _MENTION.sub(lambda found: found[0] + _ZERO_WIDTH, text)
    return str(_convert(NotifyFormat.TEXT, form, plain)) if form is NotifyFormat.MARKDOWN else plain


def _load(url: str) -> tuple[ChatService, Any]:
    service = find_service(url)
    if service is None:
        known = ", ".join(scheme for each in SERVICES for scheme in each.schemes)
        raise _refusal(f"must begin with one of these, and ://: {known}")
    module = import_module(f"apprise.plugins.{service.module}")
    module.requests = _REQUESTS  # type: ignore[attr-defined]
    plugin: Any = getattr(module, service.plugin)
    is_native = url.lower().startswith("https://")
    parsed = plugin.parse_native_url(url) if is_native else plugin.parse_url(url)
    if not parsed or parsed.get("schema", "").lower() not in service.schemes:
        raise _refusal(f"is no URL of {service.name}")
    named = {*parsed.get("qsd", {}), *(f"+{each}" for each in parsed.get("qsd+", {}))}
    named |= {*(f"-{each}" for each in parsed.get("qsd-", {})), *(f":{each}" for each in parsed.get("qsd:", {}))}
    if extra := sorted(named - service.options):
        raise _refusal(f"has parameters that are not offered: {', '.join(extra)[:100]}")
    try:
        made = plugin(**parsed | {"asset": _asset()})
    except (TypeError, ValueError) as error:  # AppriseImproperlyConfigured is a TypeError
        raise _refusal(f"is no URL of {service.name}") from error
    # The queue retries; a worker does not sleep for a service's limit.
    made.throttle = lambda *_, **__: None
    return service, made


def _host_of(service: ChatService, plugin: Any) -> str:
    """Return the public host that a plugin was given.

    Raises:
        Invalid: it is none, or is reached without TLS.
    """
    address = _address_of(service, plugin)
    if reason := link_error(address, allow_loopback=settings().allow_loopback):
        raise _refusal(reason if address.startswith("https") else f"must use TLS: {'/'.join(service.schemes[-1:])}://")
    try:
        return Url(address).host or ""
    except UrlError as error:
        raise _refusal("names no host") from error


def _address_of(service: ChatService, plugin: Any) -> str:
    match service.name:
        case "ntfy" if plugin.mode == "cloud":
            return str(plugin.cloud_notify_url)
        case "zulip":
            return f"https://{plugin.organization}.{plugin.hostname}/"
        case "teams":
            return f"https://{plugin.host}/"
    return f"{'https' if plugin.secure else 'http'}://{plugin.host}/"


def _asset() -> AppriseAsset:
    return AppriseAsset(
        app_id="Fluxden",
        app_desc="Fluxden",
        app_url=settings().base_url,
        image_url_mask="",
        image_url_logo="",
        image_path_mask=False,
        allow_templates=False,
        http_redirects=False,
        async_mode=False,
        interpret_emojis=False,
        interpret_escapes=False,
        pgp_autogen=False,
        pem_autogen=False,
        storage_mode=PersistentStoreMode.MEMORY,
    )


def _refusal(reason: str) -> Invalid:
    return Invalid(f"url {reason}.", {"url": [reason]})
