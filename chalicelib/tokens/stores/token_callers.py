"""The callers that rows of the table `tokens` (see tokens) stand for."""

from datetime import UTC, datetime

from chalicelib.core.domain.callers import (
    ApiKey,
    Caller,
    InstanceKey,
    PersonalToken,
    PlatformToken,
    ScimToken,
    Session,
    TokenStatus,
    ToolsToken,
)
from chalicelib.core.domain.errors import Inactive, Unapproved, Unauthorized
from chalicelib.core.domain.severity import Severity
from chalicelib.core.stores.items import Row
from chalicelib.ids import InstanceCredential, PathSecret, PresentedToken, SignInSecret, TokenKind

_UNKNOWN = "Missing or invalid bearer token."


def check_token(token: PresentedToken, row: Row, now: datetime) -> None:
    """Refuse a token that its row does not accept; the row is empty if there is none.

    Raises:
        Unauthorized, Unapproved, Inactive: see `DynamoTokenBudgets.spend`.
    """
    if not row:
        raise Unauthorized(_UNKNOWN)
    seconds = int(now.timestamp())
    prior = row.get("priorHash") == token.secret_hash and row.get("priorExpiresAt", 0) > seconds
    if row["secretHash"] != token.secret_hash and not prior and not token.is_vouched:
        raise Unauthorized(_UNKNOWN)
    # For callers an instance that is not approved is unknown.
    if token.kind is InstanceCredential.PLATFORM and row["status"] != TokenStatus.ACTIVE:
        raise Unapproved("This instance is not approved, or is suspended.")
    if token.kind is InstanceCredential.INSTANCE and "holders" not in row:
        raise Unapproved(_UNKNOWN)
    if row["status"] != TokenStatus.ACTIVE:
        raise Inactive(f"The token has been {row['status']}.")
    if token.kind is SignInSecret.SESSION and min(row["expiresAt"], row["idleUntil"]) <= seconds:
        raise Unauthorized("This session has ended. Sign in again.")
    if row.get("expiresAt", seconds + 1) <= seconds:
        raise Inactive("This token has expired.")


def to_caller(token: PresentedToken, row: Row, *, over_daily_limit: bool = False) -> Caller:
    """Return the caller whose token has this row."""
    superseded = row["secretHash"] != token.secret_hash and not token.is_vouched
    until = datetime.fromtimestamp(int(row["priorExpiresAt"]), UTC) if superseded else None
    match token.kind:
        case TokenKind.KEY:
            expires_at = int(row["expiresAt"]) if "expiresAt" in row else None
            return ApiKey(row["keyId"], row["userId"], frozenset(row["permissions"]), row["name"], expires_at)
        case SignInSecret():
            return Session(row["sessionId"], row["userId"], frozenset({"all"}), token_hash=token.row_id)
        case InstanceCredential.PLATFORM:
            return PlatformToken(row["instanceId"])
        case InstanceCredential.INSTANCE:
            return InstanceKey(token.row_id, frozenset(row["holders"]))
        case TokenKind.SCIM:
            return ScimToken(token.row_id, row["name"], until)
        case TokenKind.TOOLS:
            return ToolsToken(
                token.row_id,
                row["integrator"],
                row["eventPrefix"],
                row["userId"],
                row["admin"],
                until,
                over_daily_limit,
            )
        case PathSecret():
            raise ValueError("The secret of an address has no caller of its own.")
        case TokenKind.PERSONAL:
            ceiling = row["severityCeiling"]
            return PersonalToken(
                grant_id=token.row_id,
                integrator=row["integrator"],
                event_prefix=row["eventPrefix"],
                user_id=row["userId"],
                tools_token_id=row["toolsTokenId"],
                tools_owner_id=row["toolsOwnerId"],
                severity_ceiling=Severity(ceiling) if ceiling else None,
                moderated=row["moderated"],
                superseded_until=until,
                over_daily_limit=over_daily_limit,
            )
