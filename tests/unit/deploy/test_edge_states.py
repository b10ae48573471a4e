"""From one state of an edge to another: the configuration, the commands, and what the answers mean."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from windlass.deploy.docker.edge.allocate import Edge
from windlass.deploy.docker.edge.client import FILE, batches, judged, load, script
from windlass.deploy.docker.edge.commands import (
    Serving,
    Tally,
    connections,
    differences,
    needs_reload,
    parse_servers,
    parse_stat,
    transition,
)
from windlass.deploy.docker.edge.compose import place_for, service_of
from windlass.deploy.docker.edge.judge import Look, judge
from windlass.deploy.docker.edge.render import SPARE, Carried, Server, Slots, parse, place, render
from windlass.deploy.docker.edge.tls import FOLDER
from windlass.model.observation import Asked
from windlass.model.secret import Secret

OLD, NEW = Server("old" + "0" * 61, "10.0.0.2"), Server("new" + "0" * 61, "10.0.0.3")
WARM = Server(OLD.id, OLD.address, "drain")
NOBODY: tuple[None, ...] = (None,) * SPARE


def carried(*servers: Server | None, mode: str = "http") -> Carried:
    return Carried({"web": {80: mode}}, {"web": (*servers, *NOBODY)[:SPARE]})  # type: ignore[dict-item]


def test_new_servers_come_before_old_ones_go_on_both_ways_to_a_port() -> None:
    assert transition(carried(OLD), carried(WARM, NEW)) == (
        "set server web_80_http/s2 addr 10.0.0.3 port 80",
        "set server web_80_http/s2 fqdn new000000000",
        "set server web_80_http/s2 state ready",
        "set server web_80_tcp/s2 addr 10.0.0.3 port 80",
        "set server web_80_tcp/s2 fqdn new000000000",
        "set server web_80_tcp/s2 state ready",
        "set server web_80_http/s1 state drain",
        "set server web_80_tcp/s1 state drain",
    )


def test_the_way_back_is_as_short() -> None:
    assert transition(carried(WARM, NEW, mode="tcp"), carried(OLD, None, mode="tcp")) == (
        "set server web_80_tcp/s1 state ready",
        "set server web_80_tcp/s2 state maint",
    )


def test_the_name_of_a_container_that_is_gone_is_not_asked_for_any_more() -> None:
    told = transition(carried(OLD, NEW, mode="tcp"), carried(None, NEW, mode="tcp"), nowhere="edge")
    assert told == ("set server web_80_tcp/s1 state maint", "set server web_80_tcp/s1 fqdn edge")


def test_nothing_is_said_about_what_stays() -> None:
    assert transition(carried(OLD), carried(OLD)) == ()


SERVERS = st.sampled_from([Server(f"{n}" * 64, f"10.0.0.{n}") for n in range(1, 9)])


@settings(derandomize=True)
@given(before=st.sets(SERVERS, max_size=8), wanted=st.sets(SERVERS, max_size=8))
def test_servers_never_move_and_always_find_room(before: set[Server], wanted: set[Server]) -> None:
    first = place((), sorted(before, key=lambda s: s.id))
    then = place(first, sorted(wanted, key=lambda s: s.id))
    assert {server for server in then if server} == wanted
    for place_before, place_after in zip(first, then, strict=False):
        if place_before in wanted:
            assert place_after == place_before
    assert len(then) >= len(first) >= SPARE


@settings(derandomize=True)
@given(before=st.sets(SERVERS, max_size=4), after=st.sets(SERVERS, max_size=4))
def test_there_is_always_somebody_while_commands_are_carried_out(before: set[Server], after: set[Server]) -> None:
    """Simulated command by command: whenever somebody served and somebody is to serve, somebody does."""
    first = place((), sorted(before, key=lambda s: s.id))
    drained = [Server(s.id, s.address, "drain") for s in before - after]
    slots = place(first, [*sorted(after, key=lambda s: s.id), *sorted(drained, key=lambda s: s.id)])
    start, end = Carried({"web": {80: "tcp"}}, {"web": first}), Carried({"web": {80: "tcp"}}, {"web": slots})
    if needs_reload(start, end):
        return
    ready = {number for number, server in enumerate(first, 1) if server}
    for command in transition(start, end):
        words = command.split()
        if words[3] == "state":
            number = int(words[2].rpartition("/s")[2])
            ready = ready | {number} if words[4] == "ready" else ready - {number}
        if before and after:
            assert ready
    assert {slots[number - 1] for number in ready} == after


def test_the_file_says_what_it_carries() -> None:
    for state in (carried(), carried(OLD), carried(WARM, NEW, mode="auto")):
        assert parse(render(state, generation="g")) == state
    assert parse("global\n") is None
    assert parse("# windlass {}\n") is None


def test_only_those_that_get_requests_are_enabled_in_the_file() -> None:
    text = render(carried(WARM, NEW, mode="tcp"), generation="g")
    servers = [line.split() for line in text.splitlines() if line.startswith("  server s")]
    assert [(words[2], words[-1] == "disabled") for words in servers] == [
        ("old000000000:80", True),
        ("new000000000:80", False),
        *[("0.0.0.0:80", True)] * (SPARE - 2),
    ]


def test_other_listeners_or_more_places_need_a_reload() -> None:
    more: Slots = (*NOBODY, *NOBODY)
    assert not needs_reload(carried(OLD), carried(WARM, NEW))
    assert needs_reload(None, carried())
    assert needs_reload(carried(), Carried({"web": {80: "http"}}, {"web": more}))
    assert needs_reload(carried(), carried(mode="tcp"))


STATE = """1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight
3 web_80_tcp 1 s1 10.0.0.2 0 72 1
3 web_80_tcp 2 s2 10.0.0.3 2 64 1
""" + "".join(f"3 web_80_tcp {number} s{number} - 0 5 1\n" for number in range(3, SPARE + 1))


def test_the_running_state_is_compared_with_the_wanted_one() -> None:
    servers = parse_servers(STATE)
    assert servers["web_80_tcp/s1"] == Serving("10.0.0.2", 72)
    assert differences(carried(WARM, NEW, mode="tcp"), servers) == []
    assert differences(carried(OLD, NEW, mode="tcp"), servers) == ["web: web_80_tcp/s1 is not ready"]
    assert differences(carried(None, None, mode="tcp"), servers) == ["web: web_80_tcp/s2 is ready"]
    assert differences(carried(mode="http"), {})[0] == "web: the edge does not know web_80_http/s1"


def test_what_a_container_has_answered_is_added_up_over_its_ports() -> None:
    printed = (
        "# pxname,svname,scur,stot,econ,eresp,hrsp_5xx,\n"
        "web_80_http,s1,1,10,1,0,2,\nweb_80_tcp,s1,0,5,0,1,,\nweb_80_http,BACKEND,1,10,1,0,2,\n\n"
    )
    assert parse_stat(printed, carried(OLD)) == {OLD.id: Tally(15, 4, 1)}
    assert parse_stat("nonsense", carried(OLD)) == {}


def look(
    total: int = 0, errors: int = 0, *, restarts: int = 0, state: str = "healthy", usual: int = 0
) -> dict[str, Look]:
    return {"web": Look({"c": restarts}, {"c": state}, Tally(total, errors), Tally(100, usual))}


def test_a_release_is_judged_by_what_came_after_the_switch() -> None:
    assert judge(look(), look(100, 3)) == {}
    assert judge(look(), look(1000, 40)) == {}
    assert judge(look(), look(10, 9)) == {"web": "9 of 10 requests failed after the switch"}
    assert judge(look(50, 40), look(150, 41)) == {}
    assert judge(look(usual=50), look(10, 5, usual=50)) == {}
    assert judge(look(), look(restarts=1)) == {"web": "it was restarted after the switch"}
    assert judge(look(), look(state="unhealthy")) == {"web": "it is unhealthy after the switch"}
    assert judge(look(state="unhealthy"), look(state="unhealthy")) == {}
    assert judge(look(), {}) == {"web": "its container is gone"}


def test_what_the_checks_provoke_on_purpose_is_no_error_of_the_release() -> None:
    assert judge(look(), look(12, 8), {"web": Asked(12, 8)}) == {}
    assert judge(look(), look(11, 8), {"web": Asked(12, 9)}) == {}  # one is under way
    assert judge(look(), look(12, 8), {"api": Asked(12, 8)}) == {"web": "8 of 12 requests failed after the switch"}


def test_users_errors_count_among_the_requests_of_the_checks() -> None:
    assert judge(look(), look(32, 18), {"web": Asked(12, 8)}) == {"web": "10 of 20 requests failed after the switch"}
    assert judge(look(), look(restarts=1), {"web": Asked(12, 8)}) == {"web": "it was restarted after the switch"}


def test_a_service_that_failed_as_often_before_is_not_blamed_on_the_release() -> None:
    def stays(total: int, errors: int) -> dict[str, Look]:
        return {"web": Look({"c": 0}, {"c": "healthy"}, Tally(total, errors), Tally())}

    assert judge(stays(100, 20), stays(200, 41)) == {}
    assert judge(stays(100, 20), stays(200, 90)) == {"web": "70 of 100 requests failed after the switch"}


def test_commands_are_sent_in_lines_that_fit() -> None:
    lines = [f"set server web_80_http/s{n} state ready" for n in range(1000)]
    sent = list(batches(lines))
    assert ";".join(sent).split(";") == lines
    assert max(map(len, sent)) < 8000


def test_a_configuration_is_judged_before_anything_takes_the_place_of_the_last_one() -> None:
    checked, loaded = judged("global\n", {"a.pem": Secret("pem\n")}), load()
    assert "haproxy -c" in checked and "kill" not in checked and "/a.pem" in checked
    assert f"mv {FILE}" not in checked
    assert f"{FOLDER}/a.pem" not in checked
    assert loaded.index(f"mv {FILE}.new {FILE}") < loaded.index("kill -USR2 1")
    assert "haproxy -c" not in script(("show info",), config="global\n")


def test_connections_of_clients_are_counted() -> None:
    assert connections("Maxconn: 100\nCurrConns: 3\nCumConns: 9\n") == 3
    assert connections("CurrConns: x\n") == connections("nonsense") == 0


def test_an_edge_that_is_made_anew_stands_beside_the_one_that_runs() -> None:
    edge = Edge("windlass-edge", ("web",), {}, ())
    assert place_for(edge, ()) == place_for(edge, {"windlass-edge-2"}) == "windlass-edge"
    beside = place_for(edge, {"windlass-edge"})
    assert beside != "windlass-edge" and service_of(beside) == "windlass-edge"
    assert place_for(edge, {"windlass-edge", beside}) not in ("windlass-edge", beside)


def test_where_the_state_is_not_known_everything_is_said_of_empty_places_too() -> None:
    """Who told an edge of a container may have been killed before noting it: the place is empty for all who come after."""
    told = transition(None, carried(OLD, None, mode="tcp"), nowhere="edge")
    assert "set server web_80_tcp/s1 state ready" in told
    assert {"set server web_80_tcp/s2 state maint", "set server web_80_tcp/s2 fqdn edge"} <= set(told)
