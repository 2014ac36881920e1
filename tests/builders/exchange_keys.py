"""An Ed25519 key pair for the local exchange, always the same, and how a client signs with it."""

import base64
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

ED25519_KEY = "test-ed25519-key-of-the-local-exchange"
"""What the client sends as its key."""

_PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))

PRIVATE_PEM = _PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
PUBLIC_PEM = _PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
PUBLIC_RAW = base64.b64encode(_PRIVATE.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()

SECOND_KEY: dict[str, Any] = {"ed25519_api_key": ED25519_KEY, "ed25519_public_key_pem": PUBLIC_PEM}
"""Settings of an exchange that takes this key beside the other."""


def ed25519_signature(payload: str) -> str:
    """Return the signature of `payload` as the venue wants it."""
    return base64.b64encode(_PRIVATE.sign(payload.encode())).decode()
