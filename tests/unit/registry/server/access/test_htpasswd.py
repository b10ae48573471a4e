"""The htpasswd file: what is accepted, what is refused and where."""

from __future__ import annotations

import pytest

from windlass.errors import ConfigError, UsageError
from windlass.registry.server.access.htpasswd import (
    UNKNOWN,
    check_password,
    hash_password,
    name_problem,
    parse_htpasswd,
)

SECRET = "$2y$05$wJmVZLrBHhsTq8iSyLzjUugVR6ZBm7sEdaBxWNcdBUTdkQi.J4TYe"
"""What Apache's `htpasswd -nbB alice secret` writes."""


def test_users_are_read_and_comments_and_blank_lines_passed_over() -> None:
    found = parse_htpasswd(f"# who may push\n\nalice:{SECRET}\r\n  bob:{SECRET}  \n", "htpasswd")
    assert found == {"alice": SECRET, "bob": SECRET}


@pytest.mark.parametrize(
    "line",
    [
        "alice",
        "alice:",
        ":",
        f":{SECRET}",
        "alice:$apr1$abcdefgh$0123456789012345678901",
        "alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
        "alice:secret",
        "alice:rqXexS6ZhobKA",
        "alice:$5$rounds=1000$salt$hash",
        "alice:$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$aGFzaA",
        "alice:" + SECRET.replace("$05$", "$03$"),
        "alice:" + SECRET.replace("$05$", "$31$"),
        f"alice:{SECRET}x",
        f"bob:{SECRET}",
        f"anonymous:{SECRET}",
        f"with space:{SECRET}",
        f"token:{SECRET}:{SECRET}",
        f"{'x' * 101}:{SECRET}",
    ],
)
def test_another_line_is_refused_with_its_number_and_without_the_hash(line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_htpasswd(f"bob:{SECRET}\n\n{line}\n", "the/htpasswd")
    assert caught.value.where == "the/htpasswd: line 3"
    assert caught.value.remedy
    assert "$" not in caught.value.message


def test_a_password_is_checked_as_apache_wrote_it() -> None:
    hashed = hash_password("secret")
    assert check_password("secret", hashed)
    assert check_password("secret", hashed.replace("$2b$", "$2y$"))
    assert not any(check_password(other, hashed) for other in ("", "Secret", "secret ", "secret\0", "\0", "x" * 5000))


def test_the_hash_of_nobody_is_one_that_can_be_compared_with() -> None:
    assert parse_htpasswd(f"nobody:{UNKNOWN}", "x")
    assert not check_password("", UNKNOWN)


def test_what_is_longer_than_bcrypt_looks_at_is_cut_off_as_htpasswd_does() -> None:
    hashed = hash_password("x" * 72)
    assert check_password("x" * 72 + "more", hashed)


@pytest.mark.parametrize("password", ["", "x" * 73, "ä" * 37, "a\nb", "a\0b"])
def test_a_password_that_would_not_count_in_full_is_refused(password: str) -> None:
    with pytest.raises(UsageError) as caught:
        hash_password(password)
    assert not password or password not in str(caught.value)


@pytest.mark.parametrize("name", ["", "a:b", "a b", "anonymous", "token:1", "a/b", "a\n", "é"])
def test_names_that_would_mean_something_else_are_refused(name: str) -> None:
    assert name_problem(name)


@pytest.mark.parametrize("name", ["alice", "ci-1", "a.b@example.com", "A_1+x"])
def test_usual_names_are_names(name: str) -> None:
    assert name_problem(name) is None
