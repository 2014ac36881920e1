"""A throw-away certificate authority, so that unmodified clients can reach the exchange by the real names.

Made anew for every start; the authority's key is never written, the server's key only for the moment in which
it is loaded. Nothing trusts it but who is told to.
"""

import datetime as dt
import ssl
import tempfile
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOSTS: Final = ("api.binance.com", "stream.binance.com", "ws-api.binance.com", "localhost")
"""The names that the certificate is good for, beside the address of the exchange."""

_LIFE: Final = dt.timedelta(days=365)
_EARLY: Final = dt.timedelta(days=1)


class ThrowAwayTls:
    """A server's certificate and the authority behind it.

    Fields: context: for the server; ca_pem_file: what a client has to trust, in a folder of its own.
    """

    def __init__(self, *, host: str, now_ns: int) -> None:
        """Make both for the names of `HOSTS` and the address `host`, good for a year from `now_ns` on."""
        now = dt.datetime.fromtimestamp(now_ns // 10**9, tz=dt.UTC)
        authority_key = ec.generate_private_key(ec.SECP256R1())
        authority = _authority(authority_key, now)
        server_key = ec.generate_private_key(ec.SECP256R1())
        server = _server(server_key, authority, authority_key, host=host, now=now)
        self._folder = tempfile.TemporaryDirectory(prefix="mm-tls-")
        self.ca_pem_file = Path(self._folder.name) / "ca.pem"
        self.ca_pem_file.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
        self.context = self._context(server, server_key)

    def close(self) -> None:
        """Remove the files; connections that are open go on."""
        self._folder.cleanup()

    # The standard library loads keys from files alone; the folder is readable by its owner only.
    def _context(self, server: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> ssl.SSLContext:
        pair = Path(self._folder.name) / "server.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            pair.write_bytes(private + server.public_bytes(serialization.Encoding.PEM))
            context.load_cert_chain(pair)
        finally:
            pair.unlink(missing_ok=True)
        return context


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: dt.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLY)
        .not_valid_after(now + _LIFE)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _authority(key: ec.EllipticCurvePrivateKey, now: dt.datetime) -> x509.Certificate:
    name = _name("throw-away authority of a local exchange")
    return (
        _begun(name, name, key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def _server(
    key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    *,
    host: str,
    now: dt.datetime,
) -> x509.Certificate:
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in HOSTS]
    names.append(x509.IPAddress(ip_address(host)))
    return (
        _begun(_name("local exchange"), authority.subject, key, now)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )
