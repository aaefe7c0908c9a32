"""Browsers of the demo organisation that add passkeys and sign in with them."""

from dataclasses import dataclass, field
from typing import Any

from chalicelib.tokens.domain.sessions import COOKIE
from tests.support import authenticator
from tests.support.api import Answer, Api
from tests.support.authenticator import Page, SoftPasskey
from tests.support.sessions import OWN_PAGE, sign_in

MINE = "/api/v2/me/passkeys"
ASK, ANSWER = "/api/v2/sessions/passkey-options", "/api/v2/sessions/passkey"
HOST = "desk.test"
OWN = Page(f"https://{HOST}", HOST)


@dataclass
class Visitor:
    """A browser at the desk, with its cookies."""

    api: Api
    page: Page = OWN
    host: str = HOST
    cookies: dict[str, str] = field(default_factory=dict)

    def sign_in(self, user_id: str) -> "Visitor":
        """Sign a person in with a link."""
        self.cookies[COOKIE] = sign_in(self.api, user_id)
        return self

    def headers(self) -> dict[str, str]:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return OWN_PAGE | {"Host": self.host, "Origin": self.page.origin} | ({"Cookie": cookie} if cookie else {})

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        answer = self.api.call(method, path, body, headers=self.headers(), **more)
        name, _, value = answer.headers.get("set-cookie", "").partition(";")[0].partition("=")
        if name:
            self.cookies[name] = value
        return answer

    def ask_for_new(self, token: str | None = None) -> dict[str, Any]:
        return options_of(self.call("POST", f"{MINE}/options", token=token))

    def send_new(self, credential: dict[str, Any], name: str = "Laptop", token: str | None = None) -> Answer:
        return self.call("POST", MINE, {"name": name, "credential": credential}, token=token)

    def add(self, name: str = "Laptop", token: str | None = None, **more: Any) -> SoftPasskey:
        """Add a passkey, with the session or with a key."""
        passkey, credential = authenticator.create(self.ask_for_new(token), self.page, **more)
        answer = self.send_new(credential, name, token)
        assert answer.status == 201, answer.text
        return passkey

    def ask(self, **more: Any) -> dict[str, Any]:
        return options_of(self.call("POST", ASK, **more))

    def send(self, credential: dict[str, Any]) -> Answer:
        return self.call("POST", ANSWER, {"credential": credential})

    def use(self, passkey: SoftPasskey, **more: Any) -> Answer:
        """Sign in with a passkey."""
        return self.send(authenticator.get(self.ask(), self.page, passkey, **more))


def options_of(answer: Answer) -> dict[str, Any]:
    assert answer.status == 200, answer.text
    found: dict[str, Any] = answer.json["data"]["publicKey"]
    return found
