"""A provider of identities on this machine, to try how people sign in with a company's account (needs Node.js)."""

import secrets
import shutil
import subprocess
from pathlib import Path

from chalicelib.tokens.domain.identity_providers import Provider
from chalicelib.tokens.stores.identity_providers import DynamoIdentityProviders

_FOLDER = Path(__file__).parents[1] / "identity_provider"
_READY = "ready"


class NotStarted(Exception):
    """The provider did not start; the message says what is missing."""


class LocalIdentityProvider:
    """A running provider. It takes every password; `alice` there is alice@example.com, and an operator."""

    def __init__(self, port: int, base_url: str) -> None:
        """Start it, for a desk at this URL.

        Raises:
            NotStarted: Node.js is missing, or the port is taken.
        """
        if not (node := shutil.which("node")) or not (npm := shutil.which("npm")):
            raise NotStarted("SSO=demo needs Node.js 20 or later.")
        if not (_FOLDER / "node_modules").exists():
            subprocess.run([npm, "ci", "--ignore-scripts", "--silent"], cwd=_FOLDER, check=True)
        self.issuer, self._secret = f"http://127.0.0.1:{port}", secrets.token_urlsafe(32)
        self.client_id, self.provider_id = "fluxden", "demo"
        redirect_uri = f"{base_url}/api/v2/sign-in/{self.provider_id}/callback"
        self._process = subprocess.Popen(
            [node, "provider.mjs", str(port), redirect_uri, self._secret],
            cwd=_FOLDER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout
        if not self._process.stdout.readline().startswith(_READY):
            raise NotStarted(f"The provider of identities did not start. Is port {port} free?")

    def register(self) -> None:
        """Let people of the desk in this process sign in with it."""
        provider = Provider(
            self.provider_id,
            "Demo account",
            self.issuer,
            self.client_id,
            frozenset({"example.com"}),
            creates_people=True,
            operator_group="desk-admins",
        )
        DynamoIdentityProviders().save_provider(provider, self._secret)

    @property
    def secret(self) -> str:
        return self._secret

    def stop(self) -> None:
        with self._process:
            self._process.terminate()
