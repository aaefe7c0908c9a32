"""URLs of chat services, made up."""

_TEAMS = "api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=KODuebWbDGYFr0z0eu"
# A URL of each service, made up, with the host that it leads to.
URLS = {
    "dingtalk": ("dingtalk://" + "0123456789abcdef" * 4, "oapi.dingtalk.com"),
    "discord": ("https://discord.com/api/webhooks/123456789012345678/" + "a1B2-_c3D4" * 6, "discord.com"),
    "feishu": ("feishu://AAAAAAAA-BBBB-CCCC-DDDD-EEEEEEEEEEEE", "open.feishu.cn"),
    "google-chat": ("https://chat.googleapis.com/v1/spaces/AAA/messages?key=kkk&token=ttt", "chat.googleapis.com"),
    "gotify": ("gotifys://gotify.example.com/abcdefghijklmno", "gotify.example.com"),
    "json": ("jsons://hooks.example.com/notices", "hooks.example.com"),
    "lark": ("lark://AAAAAAAA-BBBB-CCCC-DDDD-EEEEEEEEEEEE", "open.larksuite.com"),
    "mattermost": ("mmosts://mm.example.com/3ccdd113474722377935511fc85d3dd4", "mm.example.com"),
    "ntfy": ("https://ntfy.sh/ours", "ntfy.sh"),
    "pushover": ("pover://" + "u" * 30 + "@" + "a" * 30, "api.pushover.net"),
    "rocket-chat": ("rockets://bot:pass@rc.example.com/room", "rc.example.com"),
    "slack": ("https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "hooks.slack.com"),
    "teams": (
        f"https://prod-1.westus.logic.azure.com:443/workflows/643e69f8/triggers/manual/paths/invoke?{_TEAMS}",
        "prod-1.westus.logic.azure.com",
    ),
    "telegram": ("tgram://123456789:abcdefg_hijklmnop/12315544/", "api.telegram.org"),
    "wecom": ("wecombot://BOTKEY-abcdefabcdefabcdefabcdefabcdef", "qyapi.weixin.qq.com"),
    "zulip": ("zulip://bot@org/" + "a1b2c3d4" * 4 + "/stream", "org.zulipchat.com"),
}
