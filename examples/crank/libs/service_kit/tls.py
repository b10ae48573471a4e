"""A self-signed certificate, made at start. No key is ever part of an image."""

from __future__ import annotations

import ssl
import subprocess
import tempfile
from pathlib import Path


def self_signed(name: str) -> ssl.SSLContext:
    """A server context for `name` and localhost, with a new key. Clients have to accept the certificate unseen."""
    with tempfile.TemporaryDirectory() as folder:
        key, certificate = Path(folder) / "key.pem", Path(folder) / "certificate.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
            + ["-keyout", str(key), "-out", str(certificate), "-days", "365", "-subj", f"/CN={name}"]
            + ["-addext", f"subjectAltName=DNS:{name},DNS:localhost,IP:127.0.0.1"],
            check=True,
            capture_output=True,
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
    return context


def accept_any() -> ssl.SSLContext:
    """A client context for servers whose certificate is self-signed: encrypted, but not authenticated."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
