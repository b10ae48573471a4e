from __future__ import annotations

from pathlib import Path

import pytest

from windlass.dev import script
from windlass.errors import Refused


def test_the_script_is_written_once_and_executable(tmp_path: Path) -> None:
    assert script.write(tmp_path)
    assert not script.write(tmp_path)
    assert (tmp_path / script.NAME).stat().st_mode & 0o777 == 0o755


def test_somebodys_own_script_is_kept_and_what_to_do_is_said(tmp_path: Path) -> None:
    (tmp_path / script.NAME).write_text("#!/bin/sh\nmine\n")
    with pytest.raises(Refused) as refused:
        script.write(tmp_path)
    assert "mine" in (tmp_path / script.NAME).read_text()
    assert "windlass dev setup" in str(refused.value.remedy) and "--" not in str(refused.value.remedy)
    (tmp_path / script.NAME).unlink()
    assert script.write(tmp_path)
