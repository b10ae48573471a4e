"""Talking to an edge container: its configuration, and commands for the HAProxy in it.

Everything goes through `docker exec`: it works wherever the engine is, and nobody else can reach the interface. An answer
takes about 80 ms.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from windlass.deploy.docker.edge import commands, tls
from windlass.deploy.docker.edge.commands import Serving, Tally
from windlass.deploy.docker.edge.layout import RUNTIME_PORT
from windlass.deploy.docker.edge.render import CLOSING, Carried, parse, render, to_document
from windlass.deploy.docker.engine import USERS, Docker
from windlass.errors import DeploymentFailed
from windlass.model.secret import Secret
from windlass.waiting import Clock, DeadlinePassed, wait_for

FILE = "/tmp/windlass-edge.cfg"
_LONGEST_LINE = 6000
_IN_FORCE = 10.0
_END = "END-OF-CONFIGURATION"
_DRAFTS = f"{tls.FOLDER}.new"
_CLOSES = 2.0
_PUT = f"umask 077; mkdir -p {tls.FOLDER}"

# Debian's image has bash, Alpine's has nc; neither has a client of its own.
_TALK = (
    f"talk() {{ if command -v bash >/dev/null 2>&1; then bash -c 'exec 3<>/dev/tcp/127.0.0.1/{RUNTIME_PORT}"
    f" || exit 9; cat >&3; cat <&3'; else nc 127.0.0.1 {RUNTIME_PORT}; fi; }}\n"
)


def start_command() -> list[str]:
    """What an edge container runs: the first configuration comes in a variable and its certificates as secrets, later ones
    are written beside it."""
    take = f"for f in {tls.GIVEN}/windlass-tls.*; do [ ! -f $f ] || cat $f > {tls.FOLDER}/${{f##*/}}; done"
    return [
        "sh",
        "-c",
        f"[ -s {FILE} ] || {{ ({_PUT}; {take}); printf '%s\\n' \"$WINDLASS_EDGE\" > {FILE}; }};"
        f" exec haproxy -W -db -f {FILE}",
    ]


def generation(carried: Carried) -> str:
    return hashlib.sha256(json.dumps(to_document(carried), sort_keys=True).encode()).hexdigest()[:12]


def script(lines: Sequence[str], *, config: str | None = None) -> str:
    """A shell script that writes the configuration and sends commands."""
    text = "set -e\n" + _TALK
    if config is not None:
        text += f"{_draft(config)}mv {FILE}.new {FILE}\n"
    for line in batches(lines):
        text += f"talk <<'{_END}'\n{line}\n{_END}\n"
    return text


def _draft(config: str) -> str:
    return f"cat > {FILE}.new <<'{_END}'\n{config}{_END}\n"


def judged(config: str, contents: Mapping[str, Secret]) -> str:
    """A shell script that has HAProxy judge a configuration with its certificates, and touches nothing that is in force."""
    return (
        f"set -e\nrm -rf {_DRAFTS}\n({_PUT} {_DRAFTS})\n"
        f"for f in {tls.FOLDER}/*; do [ ! -f $f ] || cp -p $f {_DRAFTS}; done\n"
        + keep_files(contents, _DRAFTS)
        + _draft(config)
        + f"sed 's#{tls.FOLDER}/#{_DRAFTS}/#g' {FILE}.new > {FILE}.judged\n"
        f"haproxy -c -q -f {FILE}.judged || {{ rm -rf {_DRAFTS}; exit 1; }}\n"
    )


def load() -> str:
    """A shell script that brings into force what was judged."""
    return (
        f"set -e\nfor f in {_DRAFTS}/*; do [ ! -f $f ] || mv $f {tls.FOLDER}/${{f##*/}}; done\n"
        f"rm -rf {_DRAFTS} {FILE}.judged\nmv {FILE}.new {FILE}\nkill -USR2 1\n"
    )


def keep_files(contents: Mapping[str, Secret], folder: str = tls.FOLDER) -> str:
    """A shell script that keeps certificates where the configuration finds them. It is given by standard input alone."""
    lines = [f"({_PUT})"]
    for name, content in contents.items():
        at = f"{folder}/{name}"
        lines.append(f"(umask 077; cat > {at}.new <<'{_END}'\n{content.reveal()}{_END}\n)\nmv {at}.new {at}")
    return "\n".join(lines) + "\n" if contents else ""


def drop_files(kept: Iterable[str]) -> str:
    """A shell script that removes the certificates and keys that nothing uses any more."""
    names = "|".join(sorted(kept)) or "-"
    return f"for f in {tls.FOLDER}/*; do case ${{f##*/}} in {names}) ;; *) rm -f $f ;; esac; done\n"


def renewal(contents: Mapping[str, Secret], files: Iterable[str]) -> str:
    """A shell script that has HAProxy show certificates in others' place, for connections to come (management guide, 9.3,
    "set ssl cert"). It ends with code 8 where HAProxy does not take one.

    Args:
        files: all certificates there may be a transaction for that was never ended.
    """
    text = ""
    for name, content in contents.items():
        at = f"{tls.FOLDER}/{name}"
        for other in sorted(files):
            text += f"talk <<'{_END}' >/dev/null\nabort ssl cert {tls.FOLDER}/{other}\n{_END}\n"
        text += f"talk <<'{_END}' >/dev/null\nset ssl cert {at} <<\n{content.reveal()}\n{_END}\n"
        text += (
            f"said=$(talk <<'{_END}'\ncommit ssl cert {at}\n{_END}\n)\n"
            'case $said in *Success*) ;; *) echo "$said" >&2; exit 8 ;; esac\n'
        )
    return text


def batches(lines: Sequence[str]) -> Iterator[str]:
    """Commands joined by `;`, in lines that HAProxy's buffer can hold."""
    held: list[str] = []
    for line in lines:
        if held and sum(len(one) + 1 for one in held) + len(line) > _LONGEST_LINE:
            yield ";".join(held)
            held = []
        held.append(line)
    if held:
        yield ";".join(held)


class EdgeClient:
    """One running edge container."""

    def __init__(self, container: str, *, docker: Docker = USERS, clock: Clock | None = None) -> None:
        self._container = container
        self._docker = docker
        self._clock = clock

    def ask(self) -> tuple[Carried | None, bool]:
        """What its configuration says it carries, and whether that is what it does."""
        first, _, said = self._exec(f"head -n 1 {FILE}\n{script(('show servers state',))}").partition("\n")
        carried = parse(first)
        return carried, carried is not None and not commands.differences(carried, commands.parse_servers(said))

    def apply(self, before: Carried | None, after: Carried) -> None:
        """Bring it from one state to another, and see that it is there.

        Raises:
            DeploymentFailed: it does not answer, or does not do what it is told; one sentence a difference.
        """
        config = render(after, generation=generation(after))
        if before is None or commands.needs_reload(before, after):
            every = tls.files(after.tls)
            known = {name: content for name, content in every.items() if content is not None}
            self._exec(judged(config, known))
            self._close_kept()
            self._exec(load() + drop_files(every))
            self._in_force(generation(after))
            wrong = commands.differences(after, self.servers())
        else:
            wrong = self._tell(before, after, config)
        if wrong:  # somebody was interrupted here before: everything is said again
            wrong = self._tell(None, after, config)
        if wrong:
            raise DeploymentFailed(
                f"the edge is not where it should be: {wrong[0]}", remedy="run the same command again", blames=False
            )

    def _close_kept(self) -> None:
        """Have connections end with the answer to their next request, for a moment: those that are idle when the process
        that has them goes are cut, whatever their clients are about to send."""
        self._exec(script((f"set server {CLOSING}/closing state ready",)))
        with suppress(DeadlinePassed):
            wait_for(
                lambda: commands.connections(self._exec(script(("show info",)))),
                lambda count: count == 0,
                seconds=_CLOSES,
                every=0.1,
                clock=self._clock,
            )

    def _tell(self, before: Carried | None, after: Carried, config: str) -> list[str]:
        fresh = tls.renewed(before.tls if before else {}, after.tls)
        if fresh:  # kept when HAProxy has taken it, and then noted: who is interrupted here does it again
            self._exec(script(()) + renewal(fresh, tls.files(after.tls)) + keep_files(fresh))
        told = (
            *commands.transition(before, after, nowhere=self._container[:12]),
            f"set server {CLOSING}/closing state maint",
        )
        said = self._exec(script((*told, "show servers state"), config=config))
        return commands.differences(after, commands.parse_servers(said))

    def servers(self) -> dict[str, Serving]:
        return commands.parse_servers(self._exec(script(("show servers state",))))

    def tally(self, carried: Carried) -> dict[str, Tally]:
        """Container id → what it has answered."""
        return commands.parse_stat(self._exec(script(("show stat",))), carried)

    def wait(self) -> None:
        """Wait until it answers. Raises DeploymentFailed."""
        self._in_force("")

    def _in_force(self, word: str) -> None:
        def said() -> str:
            try:
                return self._exec(script(("show info",)))
            except DeploymentFailed as error:
                return error.message

        try:
            wait_for(
                said,
                lambda text: f"escription: {word}" in text,
                seconds=_IN_FORCE,
                every=0.05,
                clock=self._clock,
            )
        except DeadlinePassed as error:
            raise DeploymentFailed(
                f"the edge does not come up: {str(error.last).strip()[-300:]}", blames=False
            ) from error

    def _exec(self, text: str) -> str:
        done = self._docker.run(["docker", "exec", "--interactive", self._container, "sh", "-s"], input=text)
        if not done.ok:
            said = (done.stderr.strip() or done.stdout.strip() or "no answer").splitlines()
            raise DeploymentFailed(
                f"the edge does not answer: {said[-1]}", remedy="docker logs of it shows more", blames=False
            )
        return done.stdout
