"""
Secrets at rest: AES-256-GCM under keys that never lie in the database.

What is stored is `nonce ‖ ciphertext ‖ tag`. The associated data names the place (table, row,
column, scope) and the key, so a ciphertext that was moved, cut, changed or labelled with another
key does not open. There is no way around a failed check: it fails closed.
"""

import os
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tenantry.errors import SecretUnreadable
from tenantry.ports import Sealed

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
PURPOSE = b"tenantry secret store v1"


class Vault:
    """
    ports.SecretStore over a key ring `{id: 32 bytes}`.

    The first key seals, each of them opens. ValueError where the ring is empty or a key is not of
    32 bytes: a process must not start like that. Threads may share one vault.
    """

    def __init__(self, key_ring: Mapping[str, bytes]) -> None:
        if not key_ring:
            raise ValueError("key ring: must hold at least one key")
        self._active = next(iter(key_ring))
        self._ciphers = {name: AESGCM(_derived(name, key)) for name, key in key_ring.items()}

    @property
    def active_key_id(self) -> str:
        """The id under which new secrets are sealed; rows under another are due for rotation."""
        return self._active

    def seal(self, secret: str, bound_to: str) -> Sealed:
        """Encrypts under the active key. Sealing the same text twice gives two ciphertexts."""
        # 96 random bits: at 2^32 secrets under one key a repeat is as likely as 2^-33.
        nonce = os.urandom(NONCE_BYTES)
        place = _place(bound_to, self._active)
        sealed = self._ciphers[self._active].encrypt(nonce, secret.encode(), place)
        return Sealed(ciphertext=nonce + sealed, key_id=self._active, bound_to=bound_to)

    def open(self, sealed: Sealed) -> str:
        """The text; SecretUnreadable where key, place or content do not agree. Never says which."""
        cipher = self._ciphers.get(sealed.key_id)
        if cipher is None:
            raise SecretUnreadable(f"The key {sealed.key_id!r} is not in the key ring")
        stored = bytes(sealed.ciphertext)
        if len(stored) < NONCE_BYTES + TAG_BYTES:
            raise SecretUnreadable("A stored secret is cut short")
        place = _place(sealed.bound_to, sealed.key_id)
        try:
            text = cipher.decrypt(stored[:NONCE_BYTES], stored[NONCE_BYTES:], place)
            return text.decode()
        except (InvalidTag, UnicodeDecodeError):
            # The cause carries nothing that helps and stays out of tracebacks.
            raise SecretUnreadable("A stored secret does not open: its row was changed") from None


def _derived(name: str, key: bytes) -> bytes:
    if len(key) != KEY_BYTES:
        raise ValueError(f"key ring: key {name!r} must be of {KEY_BYTES} bytes")
    # One key of the ring may serve several purposes; each gets its own by HKDF.
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=PURPOSE).derive(key)


def _place(bound_to: str, key_id: str) -> bytes:
    # Lengths in front: no two pairs of place and key read the same.
    parts = (bound_to.encode(), key_id.encode())
    return b"".join(len(part).to_bytes(4) + part for part in parts)
