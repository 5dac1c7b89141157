"""Servers on real sockets, a certificate that nobody knows, and a clean thread."""

import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tenantry.adapters.wire import send_until
from tests.adapters.doors import Door, Talk


@pytest.fixture
def door() -> Iterator[Callable[..., Door]]:
    """Opens servers that are closed after the test."""
    opened: list[Door] = []

    def open_door(behave: Callable[[Talk], bool | None], tls: ssl.SSLContext | None = None) -> Door:
        opened.append(Door(behave, tls))
        return opened[-1]

    yield open_door
    for one in opened:
        one.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A certificate that nobody knows, for 127.0.0.1, localhost and *.shop.example; and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tenantry tests")])
    names: list[x509.GeneralName] = [
        x509.IPAddress(ip_address("127.0.0.1")),
        x509.DNSName("localhost"),
        x509.DNSName("*.shop.example"),
    ]
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    chain, private = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(chain), str(private)


@pytest.fixture(scope="session")
def server_tls(certificate: tuple[str, str]) -> ssl.SSLContext:
    """The server's side of it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


@pytest.fixture(autouse=True)
def no_limit() -> Iterator[None]:
    """No test leaves a limit on its thread."""
    yield
    send_until(None)


@pytest.fixture
def no_connection(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every connection is refused, and noted."""
    tried: list[object] = []

    def refuse(address: object, *_: object, **__: object) -> None:
        tried.append(address)
        raise ConnectionRefusedError("nobody may be called here")

    monkeypatch.setattr(socket, "create_connection", refuse)
    return tried
