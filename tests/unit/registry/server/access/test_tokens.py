"""Long-lived tokens: made, found, over, kept only as a hash."""

from __future__ import annotations

import pytest

from windlass.errors import ConfigError
from windlass.registry.server.access.caller import Grant
from windlass.registry.server.access.tokens import dump_tokens, find_token, make_token, parse_tokens

GRANTS = (Grant("team/**", frozenset({"pull", "push"})),)


def test_a_token_is_found_by_its_text_until_it_ends() -> None:
    token, text = make_token("ci", GRANTS, now=1000, seconds=60)
    known = {token.id: token}
    assert find_token(text.reveal(), known, 1059) == token
    assert find_token(text.reveal(), known, 1060) is None
    assert find_token(text.reveal(), {}, 1000) is None


def test_a_token_with_one_letter_changed_is_not_found() -> None:
    token, text = make_token("ci", GRANTS, now=1000, seconds=60)
    shown = text.reveal()
    other = shown[:-1] + ("0" if shown[-1] != "0" else "1")
    assert find_token(other, {token.id: token}, 1000) is None
    for wrong in ("", "wlr_", shown.upper(), shown + "0", f" {shown}", token.id, token.hashed):
        assert find_token(wrong, {token.id: token}, 1000) is None


def test_what_is_kept_comes_back_and_does_not_hold_the_secret() -> None:
    token, text = make_token('ci "1"', GRANTS, now=1000, seconds=60)
    kept = dump_tokens([token])
    assert parse_tokens(kept, "tokens.json") == {token.id: token}
    assert text.reveal().rpartition("_")[2] not in kept


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "5",
        '{"tokens": {}, "x": 1',
        '{"tokens": [5]}',
        '{"tokens": [{"id": "x"}]}',
        '{"tokens": [{"id": "../../../../", "sha256": "", "grants": [], "note": "", "created": 1, "expires": 2}]}',
        '{"tokens": [{"id": "0123456789ab", "sha256": "", "grants": [], "note": "", "created": 1, "expires": "x"}]}',
        '{"tokens": [{"id": "0123456789ab", "sha256": "", "grants": 1, "note": "", "created": 1, "expires": 2}]}',
        "[" * 100_000,
    ],
)
def test_a_file_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_tokens(text, "tokens.json")
    assert caught.value.where == "tokens.json"
