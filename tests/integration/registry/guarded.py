"""A registry with users, and what is needed to talk to it as one of them."""

from __future__ import annotations

import ssl
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bcrypt
import urllib3

from tests.integration.registry.serving import Server
from windlass.waiting import wait_for

PASSWORD = "right horse"

ACCESS = """
alice: [{repositories: "**", actions: ["*"]}]
bob:
  - {repositories: "team/**", actions: [pull, push]}
  - {repositories: base, actions: [pull]}
carol: []
anonymous: [{repositories: "public/**", actions: [pull]}]
"""


def write_users(root: Path, *names: str) -> None:
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    root.mkdir(exist_ok=True)
    (root / "htpasswd").write_text("".join(f"{name}:{hashed}\n" for name in names))


def basic(user: str, password: str = PASSWORD) -> dict[str, str]:
    return dict(urllib3.make_headers(basic_auth=f"{user}:{password}"))


@dataclass
class GuardedServer(Server):
    """`options` are added to the command; with TLS, the server's own authority is trusted once it is there."""

    options: tuple[str, ...] = ()
    scheme: str = "http"
    log: Path = field(default=Path("/dev/null"))

    def start(self) -> None:
        argv = [sys.executable, "-m", "windlass.registry.server", "--listen", f"127.0.0.1:{self.port}"]
        self.log = self.root.parent / "registry.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([*argv, "--root", str(self.root), *self.options], stderr=log)
        wait_for(self._answers, bool, seconds=60, every=0.02)

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        try:
            if (authority := self.root / "tls" / "ca.crt").exists():
                context = ssl.create_default_context(cafile=str(authority))
                self.pool = urllib3.PoolManager(retries=False, timeout=20, ssl_context=context)
            return self.request("GET", "/v2/").status in (200, 401)
        except (urllib3.exceptions.HTTPError, ssl.SSLError):
            return False

    def request(self, method: str, path: str, **options: Any) -> urllib3.BaseHTTPResponse:
        url = f"{self.scheme}://127.0.0.1:{self.port}{path}"
        return self.pool.request(method, url, redirect=False, **options)

    def token(self, user: str | None, *scopes: str, **fields: str) -> str:
        """An access token as clients get one."""
        answer = self.ask_token(user, *scopes, **fields)
        assert answer.status == 200, answer.data
        return str(answer.json()["token"])

    def ask_token(self, user: str | None, *scopes: str, **fields: str) -> urllib3.BaseHTTPResponse:
        query = [("service", "windlass-registry"), *(("scope", scope) for scope in scopes), *fields.items()]
        return self.request("GET", "/token", fields=query, headers=basic(user) if user else {})

    def post_token(self, **form: str) -> urllib3.BaseHTTPResponse:
        return self.request("POST", "/token", fields=form, encode_multipart=False)


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}
