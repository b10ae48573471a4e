"""Logins side by side: one comparison for the same credentials, and no way past the limit for different ones."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from windlass.registry.server.access import control
from windlass.registry.server.access.control import UserAccess
from windlass.registry.server.access.files import AccessFiles
from windlass.registry.server.access.htpasswd import UNKNOWN
from windlass.registry.server.problems import Problem


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []

    def check(password: str, hashed: str) -> bool:
        found.append(password)
        return password == "right"

    monkeypatch.setattr(control, "check_password", check)
    return found


def access(root: Path) -> UserAccess:
    (root / "htpasswd").write_text(f"alice:{UNKNOWN}\n")
    return UserAccess(AccessFiles.of(root), secure=False)


async def statuses(found: UserAccess, passwords: list[str]) -> list[int]:
    async def one(password: str) -> int:
        try:
            await found.login("alice", password, "here")
        except Problem as problem:
            return problem.status
        return 200

    return list(await asyncio.gather(*map(one, passwords)))


def test_guesses_made_side_by_side_are_counted_before_they_are_compared(tmp_path: Path, compared: list[str]) -> None:
    seen = asyncio.run(statuses(access(tmp_path), [f"guess {number}" for number in range(200)]))
    assert seen.count(401) == len(compared) == 10
    assert seen.count(429) == 190


def test_the_same_credentials_side_by_side_are_one_attempt(tmp_path: Path, compared: list[str]) -> None:
    assert asyncio.run(statuses(access(tmp_path), ["right"] * 50)) == [200] * 50
    assert compared == ["right"]
