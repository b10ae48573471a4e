"""How a server is to serve, and the options that say so."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from windlass.errors import UsageError
from windlass.registry.server.limits import Limits
from windlass.registry.server.tls import Tls


@dataclass(frozen=True, slots=True)
class Settings:
    """Args:
    listen: see `parse_listen`.
    root: created when missing.
    users, access: the htpasswd file and the grants, where they are not in the root.
    tls: None for plain HTTP, unless `self_signed`.
    bearer: whether clients are sent for tokens or asked for the password; None: for tokens, unless `self_signed`.
    plain_http: serve users unencrypted, because TLS ends in front of this server.
    open_to_everyone: allow an address that is not loopback although there are neither TLS nor users.
    url: what clients call the registry, like `https://registry.example`.
    limits: how much a client may ask for.
    """

    listen: str
    root: Path
    users: Path | None = None
    access: Path | None = None
    tls: Tls | None = None
    self_signed: bool = False
    bearer: bool | None = None
    plain_http: bool = False
    open_to_everyone: bool = False
    url: str | None = None
    limits: Limits = field(default_factory=Limits)


def configure(parser: argparse.ArgumentParser) -> None:
    """The options beside `--listen` and `--root`."""
    who = parser.add_argument_group("users (without any, the registry is open, and listens on loopback only)")
    who.add_argument("--users", type=Path, metavar="FILE", help="htpasswd file (bcrypt); default: htpasswd in the root")
    who.add_argument("--access", type=Path, metavar="FILE", help="who may do what; default: access.yaml in the root")
    who.add_argument(
        "--open-to-everyone", action="store_true", help="listen where others reach it, without TLS and users"
    )
    who.add_argument(
        "--challenge",
        choices=("bearer", "basic"),
        help="send clients for tokens, or ask for the password; default: bearer, basic with --tls-self-signed, "
        "because Docker looks for tokens without the registry's certificates",
    )
    tls = parser.add_argument_group("TLS")
    tls.add_argument("--tls-cert", type=Path, metavar="FILE", help="certificate with its chain, PEM")
    tls.add_argument("--tls-key", type=Path, metavar="FILE", help="its key, PEM, unencrypted")
    tls.add_argument("--tls-self-signed", action="store_true", help="make a certificate; clients trust tls/ca.crt")
    tls.add_argument("--plain-http", action="store_true", help="users without TLS: it ends in a proxy in front")
    tls.add_argument("--url", metavar="URL", help="what clients call the registry, when a proxy changes it")
    most = parser.add_argument_group("limits")
    most.add_argument("--max-blob", metavar="SIZE", help="of one blob, like 10GiB; default: none")
    most.add_argument(
        "--max-uploads", type=int, metavar="N", help=f"open at once; default: {Limits().uploads}, per repository fewer"
    )


def settings(options: argparse.Namespace, listen: str, root: Path) -> Settings:
    """Raises UsageError for options that contradict each other."""
    cert, key = options.tls_cert, options.tls_key
    if (cert is None) != (key is None):
        raise UsageError("a certificate and its key belong together", remedy="give both --tls-cert and --tls-key")
    if cert is not None and options.tls_self_signed:
        raise UsageError("--tls-self-signed contradicts --tls-cert", remedy="leave one of them out")
    for path, option in ((options.users, "--users"), (options.access, "--access")):
        if path is not None and not path.exists():
            raise UsageError(f"{path} does not exist", remedy=f"name the file with {option}, or leave it out")
    return Settings(
        listen=listen,
        root=root,
        users=options.users,
        access=options.access,
        tls=Tls(cert, key) if cert is not None else None,
        self_signed=options.tls_self_signed,
        bearer=None if options.challenge is None else options.challenge == "bearer",
        plain_http=options.plain_http,
        open_to_everyone=options.open_to_everyone,
        url=options.url,
        limits=_limits(options.max_blob, options.max_uploads),
    )


def _limits(blob: str | None, uploads: int | None) -> Limits:
    usual = Limits()
    if uploads is not None and uploads < 1:
        raise UsageError("--max-uploads must be 1 or more", remedy="leave it out for the usual number")
    number = uploads or usual.uploads
    return Limits(number, min(number, usual.uploads_per_repository), parse_size(blob) if blob is not None else None)


def parse_size(text: str) -> int:
    """`500MiB`, `2 GB` or a number of bytes.

    Raises:
        UsageError
    """
    found = re.fullmatch(r"([0-9]{1,15})\s*(?:([kKMGT])(i?)B?|B)?", text.strip())
    if found is None or int(found[1]) == 0:
        raise UsageError(f"'{text[:100]}' is not a size", remedy="write 500MiB, 2GB or a number of bytes")
    power = " KMGT".index(found[2].upper()) if found[2] else 0
    return int(found[1]) * int((1024 if found[3] else 1000) ** power)


def parse_url(text: str | None) -> SplitResult | None:
    """Raises UsageError for what clients cannot call a registry by."""
    if text is None:
        return None
    try:
        found = urlsplit(text)
        good = found.scheme in ("http", "https") and found.hostname and found.path in ("", "/") and not found.query
    except ValueError:
        good = False
    if not good or '"' in text or any(letter.isspace() for letter in text):
        raise UsageError(f"'{text[:200]}' is not a registry's URL", remedy="write https://HOST or https://HOST:PORT")
    return found
