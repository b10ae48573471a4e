"""Which extension answers which paths."""

from __future__ import annotations

from collections.abc import Callable

from windlass.registry.server.acr.handlers import AcrApi
from windlass.registry.server.acr.oauth import OAuthApi
from windlass.registry.server.interface import Extension, Services

EXTENSIONS: dict[str, Callable[[Services], Extension]] = {
    "/acr/": AcrApi,
    "/oauth2/": OAuthApi,
}
