"""The chat services that a person can add, each by the plugin of Apprise that knows it.

Only plugins are listed whose service is at a fixed public host, or at a host in the URL that the guard of outgoing
requests checks, and that make all their requests by `requests`. Others of Apprise write files, run programs, or speak
protocols that the guard doesn't see.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class ChatService:
    """A service: its plugin, and the host that it is at; None if the URL names the host.

    `schemes` begin URLs of Apprise, and `sites` the HTTPS URLs that the service itself shows, as far as the plugin
    reads these. `options` are the parameters that a URL may have; others could name files, or change what is sent.
    """

    name: str
    module: str
    plugin: str
    schemes: tuple[str, ...]
    host: str | None = None
    sites: tuple[str, ...] = ()
    options: frozenset[str] = frozenset()


SERVICES = (
    ChatService("dingtalk", "dingtalk", "NotifyDingTalk", ("dingtalk",), "oapi.dingtalk.com"),
    ChatService(
        "discord",
        "discord",
        "NotifyDiscord",
        ("discord",),
        "discord.com",
        ("discord.com", "discordapp.com"),
        frozenset(("thread",)),
    ),
    ChatService("feishu", "feishu", "NotifyFeishu", ("feishu",), "open.feishu.cn"),
    ChatService(
        "google-chat",
        "google_chat",
        "NotifyGoogleChat",
        ("gchat",),
        "chat.googleapis.com",
        ("chat.googleapis.com",),
        frozenset(("key", "token", "thread")),
    ),
    ChatService("gotify", "gotify", "NotifyGotify", ("gotify", "gotifys")),
    ChatService("json", "custom_json", "NotifyJSON", ("json", "jsons")),
    ChatService("lark", "lark", "NotifyLark", ("lark",), "open.larksuite.com", ("open.larksuite.com",)),
    ChatService("mattermost", "mattermost", "NotifyMattermost", ("mmost", "mmosts"), options=frozenset(("channel",))),
    ChatService(
        "ntfy", "ntfy", "NotifyNtfy", ("ntfy", "ntfys"), None, ("ntfy.sh",), frozenset(("mode", "priority", "tags"))
    ),
    ChatService(
        "pushover",
        "pushover",
        "NotifyPushover",
        ("pover",),
        "api.pushover.net",
        options=frozenset(("priority", "sound")),
    ),
    ChatService("rocket-chat", "rocketchat", "NotifyRocketChat", ("rocket", "rockets")),
    ChatService("slack", "slack", "NotifySlack", ("slack",), "hooks.slack.com", ("hooks.slack.com",)),
    ChatService(
        "teams",
        "workflows",
        "NotifyWorkflows",
        ("workflow", "workflows"),
        None,
        ("logic.azure.com", "powerplatform.com"),
        frozenset(("api-version", "sp", "sv", "sig", "signature", "ver", "id", "pa")),
    ),
    ChatService(
        "telegram",
        "telegram",
        "NotifyTelegram",
        ("tgram",),
        "api.telegram.org",
        options=frozenset(("topic", "silent")),
    ),
    ChatService(
        "wecom",
        "wecombot",
        "NotifyWeComBot",
        ("wecombot",),
        "qyapi.weixin.qq.com",
        ("qyapi.weixin.qq.com",),
        frozenset(("key",)),
    ),
    ChatService("zulip", "zulip", "NotifyZulip", ("zulip",)),
)


def find_service(url: str) -> ChatService | None:
    """Find the service of a URL by its scheme, or by the site that it is at; None if there is none."""
    scheme, _, rest = url.partition("://")
    scheme = scheme.lower()
    if scheme != "https":
        return next((each for each in SERVICES if scheme in each.schemes), None)
    host = rest.partition("/")[0].partition("?")[0].partition(":")[0].lower()
    return next((each for each in SERVICES for site in each.sites if f".{host}".endswith(f".{site}")), None)
