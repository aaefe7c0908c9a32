"""The texts of mail in both languages of the console."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from chalicelib.core.domain.severity import Severity


class Language(StrEnum):
    """A language that mail is written in."""

    ENGLISH = "en"
    CHINESE = "zh"

    @classmethod
    def of(cls, languages: Sequence[str]) -> "Language":
        """Choose by a person's languages, the preferred one first; English if none is one of ours."""
        for each in languages:
            primary = each.strip().lower().partition("-")[0]
            if primary in ("zh", "中文", "汉语", "chinese"):
                return cls.CHINESE
            if primary in ("en", "english", "英语"):
                return cls.ENGLISH
        return cls.ENGLISH


_ENGLISH = {
    "severity.critical": "Critical",
    "severity.warn": "Warning",
    "severity.info": "Info",
    "severity.success": "Success",
    "open": "Open in your inbox",
    "openInbox": "Open your inbox",
    "actions": "Actions open the notification in your inbox, where you confirm them.",
    "more": "The rest is in your inbox.",
    "why": "You receive this because e-mail is on for you at {desk}.",
    "off": "Turn e-mail off",
    "digest.subject": "{count} notifications from {systems}",
    "digest.subject.one": "1 notification from {systems}",
    "digest.title": "Your digest",
    "digest.others": "and {count} more in your inbox",
    "digest.more": "and {count} more",
    "digest.systems": "{first} and {count} others",
    "digest.systems.one": "{first} and {count} other",
    "join": ", ",
    "trial.subject": "Test message of your Fluxden desk",
    "trial.text": "This desk can send e-mail. Nothing else is to be done.",
}
_CHINESE = {
    "severity.critical": "严重",
    "severity.warn": "警告",
    "severity.info": "信息",
    "severity.success": "成功",
    "open": "在收件箱中打开",
    "openInbox": "打开收件箱",
    "actions": "操作会在收件箱中打开该通知，由您在那里确认。",
    "more": "其余内容请在收件箱中查看。",
    "why": "您收到此邮件，是因为您在 {desk} 开启了邮件。",
    "off": "关闭邮件",
    "digest.subject": "来自{systems}的 {count} 条通知",
    "digest.subject.one": "来自{systems}的 1 条通知",
    "digest.title": "您的摘要",
    "digest.others": "收件箱中还有 {count} 条",
    "digest.more": "还有 {count} 条",
    "digest.systems": "{first}等 {count} 个系统",
    "digest.systems.one": "{first}等 {count} 个系统",
    "join": "、",
    "trial.subject": "来自 Fluxden 服务台的测试邮件",
    "trial.text": "此服务台可以发送邮件，无需其他操作。",
}
WORDS: Mapping[Language, Mapping[str, str]] = {Language.ENGLISH: _ENGLISH, Language.CHINESE: _CHINESE}


def word(language: Language, key: str, **values: object) -> str:
    """Return a text with its values. What people wrote may have braces, so only the text itself is a template."""
    return WORDS[language][key].format(**values)


def severity_word(language: Language, severity: str) -> str:
    return word(language, f"severity.{Severity(severity).value}")
