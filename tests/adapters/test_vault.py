"""Secrets at rest: bound to their place and key, and closed at any doubt."""

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.adapters.vault import NONCE_BYTES, Vault
from tenantry.errors import SecretUnreadable
from tenantry.ports import Sealed

OLD, NEW = b"o" * 32, b"n" * 32
PLACE = "integration_secret‖0192‖ciphertext‖tenant-1"


@pytest.fixture
def vault():
    return Vault({"k2": NEW, "k1": OLD})


@given(st.text())
def test_what_is_sealed_opens_in_its_place(secret):
    vault = Vault({"k1": OLD})
    assert vault.open(vault.seal(secret, PLACE)) == secret


def test_the_first_key_seals_and_older_ones_still_open(vault):
    old = Vault({"k1": OLD}).seal("hunter2", PLACE)
    assert vault.seal("x", PLACE).key_id == "k2" == vault.active_key_id
    assert vault.open(old) == "hunter2"


def test_the_same_secret_is_never_sealed_alike(vault):
    sealed = [vault.seal("hunter2", PLACE).ciphertext for _ in range(64)]
    assert len(set(sealed)) == 64
    assert len({s[:NONCE_BYTES] for s in sealed}) == 64


def test_b17_a_ciphertext_of_another_row_does_not_open(vault):
    sealed = vault.seal("hunter2", PLACE)
    with pytest.raises(SecretUnreadable):
        vault.open(replace(sealed, bound_to=PLACE.replace("tenant-1", "tenant-2")))


def test_a_ciphertext_under_another_key_id_does_not_open(vault):
    with pytest.raises(SecretUnreadable):
        vault.open(replace(vault.seal("hunter2", PLACE), key_id="k1"))


def test_the_key_id_is_part_of_what_is_signed():
    twice = Vault({"a": OLD, "b": OLD})
    with pytest.raises(SecretUnreadable):
        twice.open(replace(twice.seal("hunter2", PLACE), key_id="b"))


def test_place_and_key_cannot_be_shifted_into_each_other():
    one, other = Vault({"k1": OLD}), Vault({"1": OLD})
    sealed = one.seal("hunter2", "place")
    with pytest.raises(SecretUnreadable):
        other.open(Sealed(sealed.ciphertext, "1", "placek"))


def test_every_flipped_bit_and_every_cut_is_noticed(vault):
    sealed = vault.seal("hunter2", PLACE)
    for place in range(len(sealed.ciphertext)):
        changed = bytearray(sealed.ciphertext)
        changed[place] ^= 1
        with pytest.raises(SecretUnreadable):
            vault.open(replace(sealed, ciphertext=bytes(changed)))
        with pytest.raises(SecretUnreadable):
            vault.open(replace(sealed, ciphertext=sealed.ciphertext[:place]))


def test_g13_without_its_key_nothing_opens_and_nothing_is_shown(vault):
    sealed = vault.seal("hunter2", PLACE)
    with pytest.raises(SecretUnreadable) as trouble:
        Vault({"k9": b"9" * 32}).open(sealed)
    shown = f"{trouble.value!r} {trouble.value} {sealed!r}"
    for secret in ("hunter2", base64.b64encode(sealed.ciphertext).decode(), repr(NEW)):
        assert secret not in shown


@pytest.mark.parametrize("ring", [{}, {"k": b"short"}, {"k": b"x" * 33}])
def test_a_bad_ring_is_refused_at_once(ring):
    with pytest.raises(ValueError, match="key ring"):
        Vault(ring)
