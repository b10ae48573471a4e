"""Which extension answers which paths."""

from __future__ import annotations

from collections.abc import Callable

from windlass.registry.interface import Extension, Services

EXTENSIONS: dict[str, Callable[[Services], Extension]] = {
    # prefix: what makes its extension
}
