"""Shell words of a Dockerfile."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.plan.dockerfile.expand import BadWord, expand
from windlass.plan.dockerfile.lines import heredoc_mark

ENVIRONMENT = {"A": "one", "EMPTY": "", "PATH_": "/tmp/foo.txt", "STARS": "x*y*z", "한": "글"}

CASES = {
    "plain": "plain", "$A": "one", "${A}": "one", "${A}b": "oneb", "$Ab": "", "$A-b": "one-b", "a$": "a$", "$": "$", "$$": "",
    "'$A'": "$A", '"$A"': "one", '"a b"': "a b", "'a\"b'": 'a"b', "\"a'b\"": "a'b", "\\$A": "$A", "\\\\": "\\", '"\\$A"': "$A",
    '"\\a"': "\\a", "a\\ b": "a b", "${NO}": "", "${NO:-d}": "d", "${NO-d}": "d", "${EMPTY:-d}": "d", "${EMPTY-d}": "", "${A:-d}": "one",
    "${A:+p}": "p", "${A+p}": "p", "${NO:+p}": "", "${NO+p}": "", "${EMPTY:+p}": "", "${EMPTY+p}": "p", "${NO:-$A}": "one",
    "${NO:-${A}x}": "onex", "${NO:-'a b'}": "a b", "${A:?no}": "one", "${A?no}": "one", "${EMPTY?no}": "", "${PATH_#/tmp}": "/foo.txt",
    "${PATH_#*/}": "tmp/foo.txt", "${PATH_##*/}": "foo.txt", "${PATH_%.txt}": "/tmp/foo", "${PATH_%/*}": "/tmp", "${PATH_%%/*}": "",
    "${STARS%\\**}": "x*y", "${STARS%%\\**}": "x", "${PATH_#nothing}": "/tmp/foo.txt", "${PATH_/o/0}": "/tmp/f0o.txt",
    "${PATH_//o/0}": "/tmp/f00.txt", "${PATH_/o}x": None, "${NO#x}": "", "$한": "글", "a<b": "a<b", "a<<b": "a<<b", "$1": "", "$12x": "x",
    "${": None, "${}": None, "${:-x}": None, "${A": None, "${A:x}": None, "${A:#x}": None, "'open": None, '"open': None,
    "${NO:?}": None, "${NO?gone}": None, "${EMPTY:?gone}": None, "${A@x}": None, "${A#\\x}": None,
}  # fmt: skip


@pytest.mark.parametrize(("word", "expected"), CASES.items())
def test_expands_as_buildkit(word: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(BadWord):
            expand(word, ENVIRONMENT.get)
    else:
        assert expand(word, ENVIRONMENT.get) == expected


def test_the_message_of_a_required_variable_is_the_users() -> None:
    with pytest.raises(BadWord, match="NO: set it, one"):
        expand("${NO:?set it, $A}", ENVIRONMENT.get)


def test_backtick_may_be_the_escape() -> None:
    assert expand("c:\\$A`$A", ENVIRONMENT.get, escape="`") == "c:\\one$A"


@pytest.mark.parametrize(
    ("word", "mark"),
    [
        ("<<EOF", ("EOF", True, False)),
        ("<<-EOF", ("EOF", True, True)),
        ("<<'EOF'", ("EOF", False, False)),
        ('3<<"E"OF', ("EOF", False, False)),
        ("<< EOF", ("EOF", True, False)),
        ("<<<x", None),
        ("a<<EOF", None),
        ("<<", None),
        ("<<a b", None),
    ],
)
def test_heredoc_marks(word: str, mark: tuple[str, bool, bool] | None) -> None:
    assert heredoc_mark(word) == mark


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.text())
def test_single_quotes_keep_everything_as_it_is(text: str) -> None:
    bare = text.replace("'", "")

    assert expand(f"'{bare}'", ENVIRONMENT.get) == bare


@settings(derandomize=True, max_examples=300, deadline=None)
@given(st.text("abc*?/.", max_size=8), st.text("abc*?.", max_size=4))
def test_what_is_trimmed_off_was_there(value: str, pattern: str) -> None:
    scope = {"V": value}.get

    assert value.endswith(expand(f"${{V#{pattern}}}", scope))
    assert value.startswith(expand(f"${{V%{pattern}}}", scope))
    assert len(expand(f"${{V##{pattern}}}", scope)) <= len(expand(f"${{V#{pattern}}}", scope))
    assert len(expand(f"${{V%%{pattern}}}", scope)) <= len(expand(f"${{V%{pattern}}}", scope))


@settings(derandomize=True, max_examples=500, deadline=None)
@given(st.text("$ {}:-+?#%/'\"\\<aA1_", max_size=12))
def test_no_word_ends_in_anything_but_a_value_or_a_clear_refusal(word: str) -> None:
    try:
        assert isinstance(expand(word, ENVIRONMENT.get), str)
    except BadWord as error:
        assert str(error)
