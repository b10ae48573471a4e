"""`windlass registry users` and `token`, as people type them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from windlass.errors import ExitCode
from windlass.process import Completed, run


def registry(root: Path, *words: str, stdin: str = "") -> Completed:
    done = run([sys.executable, "-m", "windlass", "registry", *words, "--root", str(root)], input=stdin, timeout=180)
    assert "Traceback" not in done.stderr
    return done


def test_users_are_added_listed_and_removed(tmp_path: Path) -> None:
    assert registry(tmp_path, "users", "add", "alice", "--password-stdin", stdin="secret\n").ok
    listed = json.loads(registry(tmp_path, "users", "list", "--json").stdout)
    assert [user["name"] for user in listed["users"]] == ["alice"]
    done = registry(tmp_path, "users", "remove", "alice")
    assert done.ok
    assert "no user is left" in " ".join(done.stdout.split())
    for words in (("users", "remove", "alice"), ("users", "add"), ("users", "add", "a:b"), ("users", "add", "bob")):
        assert registry(tmp_path, *words).code == ExitCode.USAGE


def test_a_token_is_printed_alone_and_in_one_piece(tmp_path: Path) -> None:
    done = registry(tmp_path, "token", "create", "--repository", "team/**", "--actions", "pull,push", "--note", "[b]ci")
    assert done.stdout.startswith("wlr_")
    assert len(done.stdout.split()) == 1
    listed = registry(tmp_path, "token", "list", "--json").stdout
    (token,) = json.loads(listed)["tokens"]
    assert token["grants"] == [{"repositories": "team/**", "actions": ["pull", "push"]}]
    assert done.stdout.strip() not in listed
    assert "[b]ci" in registry(tmp_path, "token", "list").stdout
    assert registry(tmp_path, "token", "revoke", token["id"]).ok
    for words in (("revoke", token["id"]), ("revoke",), ("create", "--days", "0"), ("create", "--actions", "fly")):
        assert registry(tmp_path, "token", *words).code == ExitCode.USAGE
