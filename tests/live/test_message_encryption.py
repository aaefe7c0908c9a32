"""Push messages are encrypted as browsers decrypt them."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key

from chalicelib.live.domain.push import BrowserKeys
from chalicelib.live.message_encryption import encrypt_message

# The example of RFC 8291, appendix A.
TEXT = "When I grow up, I want to be a watermelon"
KEYS = BrowserKeys(
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4", "BTBZMqHH6r4Tts7J_aSIgg"
)
SENDER, SALT = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw", "DGv6ra1nlYgDCS1FRnbzlw"
MESSAGE = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_"
    "yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_a_message_is_encrypted_as_in_the_example_of_the_standard() -> None:
    sender = derive_private_key(int.from_bytes(decode(SENDER)), SECP256R1())
    assert encrypt_message(TEXT, KEYS, salt=decode(SALT), sender=sender) == decode(MESSAGE)


def test_no_two_messages_are_alike_and_their_length_says_nothing() -> None:
    first, second = (encrypt_message("0" * 36, KEYS) for _ in range(2))
    assert first != second
    assert len(first) == len(second)


def test_a_key_that_is_no_point_of_the_curve_is_refused() -> None:
    with pytest.raises(ValueError, match="point"):
        encrypt_message(TEXT, BrowserKeys("A" * 87, KEYS.auth_secret))
