"""Signs with Ed25519 (RFC 8032), and says what was signed. Keys and signatures are bytes as that defines them."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

KEY_BYTES = 32
"""Of a private key, and of a public one."""
SIGNATURE_BYTES = 64

_PRIME = 2**255 - 19
_ORDER_EIGHT = int.from_bytes(
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"
)
# The y of the 8 points whose order divides 8, the cofactor (RFC 8032, 5.1; the values are those of libsodium's
# `ge25519_has_small_order`).
_SMALL_ORDER = {0, 1, _PRIME - 1, _ORDER_EIGHT, _PRIME - _ORDER_EIGHT}


def new_signing_key() -> bytes:
    """A private key that there has never been."""
    return Ed25519PrivateKey.generate().private_bytes_raw()


def public_key_of(private_key: bytes) -> bytes:
    """What others check signatures with."""
    return Ed25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw()


def sign(private_key: bytes, message: bytes) -> bytes:
    """The signature of the message: whoever has the public key knows that the private one made it."""
    return Ed25519PrivateKey.from_private_bytes(private_key).sign(message)


def is_signed(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether the owner of this public key has signed the message.

    A key of small order has no owner: anybody can make signatures that it fits.
    """
    if _is_of_small_order(public_key):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _is_of_small_order(public_key: bytes) -> bool:
    """The highest bit is the sign of x. A y beyond the prime is read as what it is modulo that."""
    y = int.from_bytes(public_key, "little") & (2**255 - 1)
    return y % _PRIME in _SMALL_ORDER
