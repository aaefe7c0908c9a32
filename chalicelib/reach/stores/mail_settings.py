"""By what this desk sends mail, in the table `directory`: DESK / MAIL.

transport, sender; host, port, security, user, password: of a mail server, the password sealed (see vault);
configurationSet: of SES
"""

from chalicelib.core.stores.actions import EXISTS, delete, put
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get
from chalicelib.core.stores.writes import commit, try_commit
from chalicelib.reach.domain.mail import MailSettings, Security, Transport
from chalicelib.resources import DIRECTORY
from chalicelib.vault import seal, unseal

_KEY = {"pk": "DESK", "sk": "MAIL"}
_PLACE = "DESK/MAIL"


class DynamoMailSettings:
    def find(self) -> MailSettings | None:
        """Find the settings; None if this desk sends no mail. One store call."""
        row = get(DIRECTORY, _KEY)
        return _from_row(row) if row else None

    def find_with_password(self) -> tuple[MailSettings, str | None] | None:
        """Find the settings, with the password of the mail server if it has one. One store call.

        Raises:
            ValueError: the password was sealed with another deployment's key, or none is set.
        """
        row = get(DIRECTORY, _KEY)
        if row is None:
            return None
        return _from_row(row), unseal(row["password"], place=_PLACE) if "password" in row else None

    def save(self, settings: MailSettings, password: str | None) -> None:
        """Store the settings in place of the former. One store call.

        Raises:
            ValueError: no key is set to seal the password with.
        """
        columns = {
            "transport": settings.transport.value,
            "sender": settings.sender,
            "host": settings.host,
            "port": settings.port,
            "security": settings.security and settings.security.value,
            "user": settings.user,
            "password": seal(password, place=_PLACE) if password else None,
            "configurationSet": settings.configuration_set,
        }
        commit(
            [put(DIRECTORY, _KEY | {name: each for name, each in columns.items() if each is not None})], audited=True
        )

    def remove(self) -> bool:
        """Delete the settings; False if there are none. One store call."""
        return try_commit([delete(DIRECTORY, _KEY, EXISTS)], audited=True)


def _from_row(row: Row) -> MailSettings:
    return MailSettings(
        Transport(row["transport"]),
        row["sender"],
        row.get("host"),
        int(row["port"]) if "port" in row else None,
        Security(row["security"]) if "security" in row else None,
        row.get("user"),
        row.get("configurationSet"),
    )
