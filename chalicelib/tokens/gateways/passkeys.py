"""Ask authenticators, and verify what they answer (Web Authentication, W3C, level 3)."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    options_to_json_dict,
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from chalicelib.people.domain.directory import Person
from chalicelib.tokens.domain.passkeys import (
    CHALLENGE_LIFETIME,
    Claimed,
    CredentialIn,
    NewCredential,
    NewCredentialIn,
    Passkey,
    PasskeyOptionsOut,
    PasskeyRefused,
    RelyingParty,
    Used,
    to_json,
)

T = TypeVar("T")

_NAME = "Fluxden"
_TIMEOUT_MS = int(CHALLENGE_LIFETIME.total_seconds() * 1000)


class WebAuthn:
    """The answers that are expected at one desk."""

    def __init__(self, party: RelyingParty) -> None:
        self._party = party

    def ask_for_new(self, challenge: str, person: Person, known: Iterable[Passkey]) -> PasskeyOptionsOut:
        """Ask for a passkey of this person that an authenticator finds without a name, and has none of yet."""
        options = generate_registration_options(
            rp_id=self._party.id,
            rp_name=_NAME,
            user_id=person.user_id.encode(),
            user_name=person.email,
            user_display_name=person.name,
            challenge=challenge.encode(),
            timeout=_TIMEOUT_MS,
            attestation=AttestationConveyancePreference.NONE,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[_descriptor(each) for each in known],
        )
        return PasskeyOptionsOut(public_key=options_to_json_dict(options))

    def ask(self, challenge: str) -> PasskeyOptionsOut:
        """Ask for any passkey of this desk."""
        options = generate_authentication_options(
            rp_id=self._party.id,
            challenge=challenge.encode(),
            timeout=_TIMEOUT_MS,
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return PasskeyOptionsOut(public_key=options_to_json_dict(options))

    def read_new(self, credential: NewCredentialIn) -> Claimed:
        """Read what a new credential says of itself.

        Raises:
            PasskeyRefused: it can't be read.
        """

        def read() -> Claimed:
            parsed = parse_registration_credential_json(dict(to_json(credential)))
            return Claimed(_challenge(parsed.response.client_data_json), parsed.raw_id)

        return _refusing(read)

    def read(self, credential: CredentialIn) -> Claimed:
        """Read what an answer says of itself.

        Raises:
            PasskeyRefused: it can't be read.
        """

        def read() -> Claimed:
            parsed = parse_authentication_credential_json(dict(to_json(credential)))
            response = parsed.response
            return Claimed(_challenge(response.client_data_json), parsed.raw_id, response.user_handle)

        return _refusing(read)

    def verify_new(self, credential: NewCredentialIn, challenge: str) -> NewCredential:
        """Verify that an authenticator made this credential for the challenge, after it knew its user.

        Raises:
            PasskeyRefused: it is not so.
        """
        made = _refusing(
            lambda: verify_registration_response(
                credential=dict(to_json(credential)),
                expected_challenge=challenge.encode(),
                expected_rp_id=self._party.id,
                expected_origin=self._party.origin,
                require_user_verification=True,
            )
        )
        return NewCredential(made.credential_id, made.credential_public_key, made.sign_count, made.credential_backed_up)

    def verify(self, credential: CredentialIn, challenge: str, passkey: Passkey) -> Used:
        """Verify that this passkey answered the challenge, after its authenticator knew its user.

        The count is left to the caller.

        Raises:
            PasskeyRefused: it is not so.
        """
        used = _refusing(
            lambda: verify_authentication_response(
                credential=dict(to_json(credential)),
                expected_challenge=challenge.encode(),
                expected_rp_id=self._party.id,
                expected_origin=self._party.origin,
                credential_public_key=passkey.public_key,
                credential_current_sign_count=0,
                require_user_verification=True,
            )
        )
        return Used(used.new_sign_count, used.credential_backed_up)


def _challenge(client_data: bytes) -> str:
    parsed = parse_client_data_json(client_data)
    if parsed.cross_origin:
        raise PasskeyRefused("a page of another site has embedded this one")
    return parsed.challenge.decode("ascii")


def _descriptor(passkey: Passkey) -> PublicKeyCredentialDescriptor:
    known = {each.value for each in AuthenticatorTransport}
    transports = [AuthenticatorTransport(each) for each in passkey.transports if each in known]
    return PublicKeyCredentialDescriptor(id=passkey.credential_id, transports=transports or None)


def _refusing(read: Callable[[], T]) -> T:
    """Read what a stranger sent. The decoders below the library raise whatever they meet, of which none is a fault."""
    try:
        return read()
    except PasskeyRefused:
        raise
    except Exception as error:
        raise PasskeyRefused(f"{type(error).__name__}: {error}"[:300]) from error
