"""The keys that seal stored secrets: from the environment of a host, or from Secrets Manager in a deployment."""

import base64
import os
from functools import cache
from typing import TYPE_CHECKING

from chalicelib import aws

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.parameters import SecretsProvider

_KEY_BYTES = 32
# A new version of the secret is in use everywhere after this time.
_MOST_SECONDS = 300


def read_secret_keys(*, fresh: bool = False) -> list[bytes]:
    """Return the keys that unseal stored secrets; the first also seals. Only functions that need them may read them.

    `FLUXDEN_SECRET_KEY` has the keys themselves. Without it, `FLUXDEN_SECRET_KEY_ID` names the secret that has them;
    it is read at first use, and again after five minutes or with `fresh`.

    Raises:
        ValueError: no key is set, or one is invalid.
    """
    text = os.environ.get("FLUXDEN_SECRET_KEY", "")
    if not text and (secret_id := os.environ.get("FLUXDEN_SECRET_KEY_ID")):
        text = _read(secret_id, fresh=fresh)
    try:
        keys = [base64.urlsafe_b64decode(each) for each in text.split(",")]
    except ValueError:
        keys = []
    if not keys or any(len(key) != _KEY_BYTES for key in keys):
        raise ValueError("FLUXDEN_SECRET_KEY must be set to a key made by: python -m infra.admin secret-key")
    return keys


def _read(secret_id: str, *, fresh: bool) -> str:
    # Imported on first use: few requests seal or open anything.
    from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

    try:
        return str(_provider().get(secret_id, max_age=_MOST_SECONDS, force_fetch=fresh))
    except GetParameterError as error:
        # The client's own error says whether it is worth trying again.
        raise error.__context__ or error from None


@cache
def _provider() -> "SecretsProvider":
    from aws_lambda_powertools.utilities.parameters import SecretsProvider

    # With our client's timeouts. The one that `get_secret` makes would wait for longer than a function may run.
    return SecretsProvider(boto3_client=aws.secrets_manager())
