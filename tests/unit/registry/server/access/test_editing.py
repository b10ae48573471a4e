"""Adding and removing users and tokens in their files."""

from __future__ import annotations

from pathlib import Path

import pytest

from windlass.errors import ConfigError, UsageError
from windlass.model.secret import Secret
from windlass.registry.server.access.editing import add_user, create_token, remove_user, revoke_token
from windlass.registry.server.access.files import AccessFiles
from windlass.registry.server.access.grants import make_grant
from windlass.registry.server.access.htpasswd import check_password

GRANTS = [make_grant("team/**", ["pull", "push"])]


@pytest.fixture
def files(tmp_path: Path) -> AccessFiles:
    return AccessFiles.of(tmp_path / "root")


def test_the_first_user_turns_access_control_on(files: AccessFiles) -> None:
    assert not files.present()
    assert add_user(files, "alice", Secret("one"))
    assert files.present()
    assert files.users.stat().st_mode & 0o777 == 0o600
    assert check_password("one", files.read().users["alice"])


def test_another_password_replaces_the_line_and_leaves_the_others_and_comments(files: AccessFiles) -> None:
    add_user(files, "alice", Secret("one"))
    kept = f"# people\n{files.users.read_text()}"
    files.users.write_text(kept)
    add_user(files, "bob", Secret("two"))
    assert not add_user(files, "bob", Secret("three"))
    assert files.users.read_text().startswith(kept)
    assert check_password("three", files.read().users["bob"])
    assert remove_user(files, "bob") == 1
    assert files.users.read_text() == kept


def test_removing_the_last_user_does_not_open_the_registry(files: AccessFiles) -> None:
    add_user(files, "alice", Secret("one"))
    assert remove_user(files, "alice") == 0
    assert files.present()
    assert not files.read().anybody


def test_wrong_words_change_nothing(files: AccessFiles) -> None:
    for name, password in (("a:b", "x"), ("anonymous", "x"), ("alice", ""), ("alice", "x" * 100)):
        with pytest.raises(UsageError):
            add_user(files, name, Secret(password))
    with pytest.raises(UsageError):
        remove_user(files, "nobody")
    with pytest.raises(UsageError):
        revoke_token(files, "0" * 12)
    for days in (0, -1, 4000, float("nan"), float("inf")):
        with pytest.raises(UsageError):
            create_token(files, "", GRANTS, days)
    assert not files.present()


def test_a_file_that_is_wrong_is_not_written_over(files: AccessFiles) -> None:
    files.users.parent.mkdir()
    files.users.write_text("alice:plain\n")
    with pytest.raises(ConfigError):
        add_user(files, "bob", Secret("x"))
    assert files.users.read_text() == "alice:plain\n"


def test_tokens_are_kept_until_they_are_revoked_or_over(files: AccessFiles) -> None:
    first, _ = create_token(files, "old", GRANTS, 1, now=lambda: 0.0)
    second, text = create_token(files, "ci", GRANTS, 90)
    assert list(files.read().tokens) == [second.id]
    assert text.reveal() not in files.tokens.read_text()
    assert files.tokens.stat().st_mode & 0o777 == 0o600
    assert files.read().granted(second.user, second.expires - 1) == tuple(GRANTS)
    assert files.read().granted(second.user, second.expires) is None
    revoke_token(files, second.id)
    assert files.read().granted(second.user, 0) is None
    assert first.id not in files.tokens.read_text()


def test_without_grants_every_user_may_do_everything_and_nobody_else_anything(files: AccessFiles) -> None:
    add_user(files, "alice", Secret("one"))
    people = files.read()
    assert [grant.repositories for grant in people.granted("alice", 0) or ()] == ["**"]
    assert people.granted("anonymous", 0) == ()
    assert people.granted("bob", 0) is None
    files.access.write_text("bob: []\n")
    people = files.read()
    assert people.granted("alice", 0) == ()
    assert people.strangers() == ["bob"]
