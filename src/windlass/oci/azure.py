"""Azure's own login as a credential for its registries: `az login` alone is enough, `az acr login` is not needed."""

from __future__ import annotations

import json
from dataclasses import replace

from windlass import process
from windlass.errors import WindlassError
from windlass.model.secret import Secret
from windlass.oci.credentials import Credential, Credentials

_SECONDS = 60.0


class AzureCredentials:
    """Another source first; where that has nothing for an `*.azurecr.io` host, the Azure CLI's access token, which the registry exchanges.

    Args:
        first: usually Docker's configuration, where `az acr login` writes.
    """

    def __init__(self, first: Credentials) -> None:
        self._first = first

    def find(self, host: str) -> Credential:
        found = self._first.find(host)
        if found.present or not host.endswith(".azurecr.io"):
            return found
        try:
            done = process.run(token_command(), timeout=_SECONDS)
        except (WindlassError, OSError) as error:
            return replace(found, origin=f"{found.origin}; no Azure login: {error}")
        if not done.ok:
            said = (done.stderr or done.stdout).strip().splitlines()[:1] or ["no reason given"]
            return replace(found, origin=f"{found.origin}; no Azure login: {said[0][:160]}")
        return parse_token(done.stdout) or replace(found, origin=f"{found.origin}; az gave no access token")


def token_command() -> list[str]:
    return ["az", "account", "get-access-token", "--output", "json"]


def parse_token(stdout: str) -> Credential | None:
    """What `az account get-access-token` prints: `{"accessToken": …, "tenant": …}`."""
    try:
        document = json.loads(stdout)
        token, tenant = document["accessToken"], document.get("tenant", "")
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if not isinstance(token, str) or not token or not isinstance(tenant, str):
        return None
    return Credential("the Azure CLI (az login)", azure=Secret(token), tenant=tenant)
