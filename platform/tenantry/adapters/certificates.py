"""
ports.Certificates by a TLS handshake, to a pinned address like every call to a tenant's hostname.

Dokploy shows no certificate of its proxy, and what visitors are shown is what counts anyway.
"""

import ssl
from contextlib import closing
from datetime import UTC

from cryptography import x509
from cryptography.x509.oid import NameOID

from tenantry.adapters.sockets import connect_first
from tenantry.adapters.urls import Refused, place_of
from tenantry.adapters.web import OutboundWeb, _Nowhere
from tenantry.adapters.words import fit
from tenantry.clock import monotonic
from tenantry.ports import CertificateSeen


class TlsCertificates(OutboundWeb):
    """
    Threads share it. Takes the same arguments and goes the same ways as OutboundWeb, to port 443,
    and sends nothing but a greeting.
    """

    def expiry(self, hostname: str, deadline: float) -> CertificateSeen:
        """
        The certificate that visitors of this hostname are shown, within `deadline` seconds in all.

        One that is not trusted is read all the same, by a second handshake that trusts anybody.
        """
        until = monotonic() + deadline
        try:
            return self._shown(hostname, self._tls, until, "")
        except ssl.SSLCertVerificationError as trouble:
            why = fit(trouble.verify_message)
        except (Refused, _Nowhere) as rule:
            return CertificateSeen(None, problem=str(rule))
        except OSError as trouble:
            return CertificateSeen(None, problem=_words(trouble))
        try:
            return self._shown(hostname, _blind(), until, why)
        except (Refused, _Nowhere, OSError):
            return CertificateSeen(None, problem=why)

    def _shown(
        self, hostname: str, tls: ssl.SSLContext, until: float, problem: str
    ) -> CertificateSeen:
        place = place_of(f"https://{hostname}/")
        way = self._way(place, until)
        sock = connect_first(way.addresses, way.port, until)
        with closing(sock):
            # Python ends a handshake by one instant, however its bytes drip in.
            sock.settimeout(max(0.001, until - monotonic()))
            with tls.wrap_socket(sock, server_hostname=place.host) as secured:
                shown = secured.getpeercert(binary_form=True)
        if shown is None:
            return CertificateSeen(None, problem="it showed no certificate")
        return _read(shown, problem)


def _blind() -> ssl.SSLContext:
    """Trusts anybody: good for looking at a certificate, and for nothing else."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _read(shown: bytes, problem: str) -> CertificateSeen:
    try:
        certificate = x509.load_der_x509_certificate(shown)
        until = certificate.not_valid_after_utc.astimezone(UTC)
    except ValueError:
        return CertificateSeen(None, problem="its certificate cannot be read")
    return CertificateSeen(until, _issuer(certificate), problem)


def _issuer(certificate: x509.Certificate) -> str:
    for name in (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME):
        found = certificate.issuer.get_attributes_for_oid(name)
        if found:
            return fit(str(found[0].value))[:200]
    return ""


def _words(trouble: OSError) -> str:
    if isinstance(trouble, TimeoutError):
        return "it did not answer in time"
    if isinstance(trouble, ssl.SSLError):
        return f"TLS failed ({fit(trouble.reason or 'no reason given')})"
    return f"it was not reached: {fit(trouble.strerror or str(trouble))}"
