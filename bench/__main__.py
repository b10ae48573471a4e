# ruff: noqa: T201
"""`script/bench SUBJECT [ARGUMENT…]`."""

from __future__ import annotations

import sys

from bench import changes, cli, crash, deploy, deploy_crash, deploy_race, plan, registry, replay, retention

SUBJECTS = {
    "changes": changes,
    "cli": cli,
    "crash": crash,
    "deploy": deploy,
    "deploy-crash": deploy_crash,
    "deploy-race": deploy_race,
    "plan": plan,
    "registry": registry,
    "replay": replay,
    "retention": retention,
}


def main(words: list[str]) -> int:
    if not words or words[0] not in SUBJECTS:
        for name, module in SUBJECTS.items():
            summary = (module.__doc__ or "").splitlines()[0]
            print(f"script/bench {name:13}{summary}")
        return 0 if words in ([], ["--help"]) else 64
    code: int = SUBJECTS[words[0]].main(words[1:])
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
