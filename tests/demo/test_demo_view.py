"""The live view: both nodes, members where they differ, and room on a screen of 80 columns and 24 lines."""

import io

import pytest
from rich.console import Console

from gslb.demo.child import Child
from gslb.demo.cluster import Cluster
from gslb.demo.plan import make_plan
from gslb.demo.timeline import Event
from gslb.demo.view import commands_view, live_view, plain_line

NOW = 1000.0


def member(address, weight, health="up", share=0.0):
    return {
        "owner": "www.demo.example.",
        "value": address,
        "weight": weight,
        "health": health,
        "override": None,
        "since": NOW - 7,
        "share": share,
        "reason": "200 OK" if health == "up" else "connection refused",
    }


def status(node, serial=41, *, dead=False):
    shares = (0.0, 0.5, 0.5) if dead else (0.6, 0.2, 0.2)
    members = [
        member(f"127.0.0.1{number}", weight, "down" if dead and number == 1 else "up", share)
        for number, weight, share in zip((1, 2, 3), (3, 1, 1), shares, strict=True)
    ]
    zone = {"zone": "demo.example.", "role": node, "serial": serial, "problems": []}
    if node == "secondary":
        zone["transfer"] = {"how": "ixfr", "transferred": NOW - 5}
    return {"started": NOW - 60, "zones": [zone], "members": members, "config": {"problems": []}}


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    """Both nodes run and agree."""
    monkeypatch.setattr(Child, "pid", 4711)
    cluster = Cluster(make_plan(tmp_path), lambda _: None)
    for node in cluster.nodes:
        node.status = status(node.name)
    return cluster


def drawn(view, columns=80, lines=24):
    """The lines of a screen; `view(console)` gives what to draw."""
    console = Console(file=io.StringIO(), width=columns, height=lines)
    console.print(view(console))
    return console.file.getvalue().splitlines()


def picture(cluster, columns=80, lines=24):
    return drawn(lambda console: live_view(cluster, NOW, console.size, keys=True), columns, lines)


def row(lines, start):
    (found,) = [line for line in lines if line.startswith(start)]
    return found.split()


def test_each_node_has_serial_rate_and_role(cluster):
    cluster.nodes[0].replies_per_second = 199.7
    lines = picture(cluster)
    assert row(lines, "p  ") == ["p", "primary", "60s", "41", "200", "0", "primary,", "from", "its", "file"]
    assert row(lines, "s  ")[1:4] == ["secondary", "60s", "41"]
    assert "secondary, equal, IXFR 5s ago" in "\n".join(lines)


def test_a_secondary_at_another_serial_is_told(cluster):
    cluster.nodes[1].status = status("secondary", serial=40)
    assert "secondary, differs, IXFR 5s ago" in "\n".join(picture(cluster))


def test_members_that_nodes_see_alike_have_one_row(cluster):
    lines = picture(cluster)
    assert row(lines, "1  ")[:7] == ["1", "127.0.0.11", "60%", "both", "up", "7s", "60%"]
    assert len([line for line in lines if "both" in line]) == 3


def test_members_that_nodes_see_differently_have_a_row_for_each(cluster):
    cluster.nodes[1].status = status("secondary", dead=True)
    lines = picture(cluster)
    assert row(lines, "1  ")[3:5] == ["primary", "up"]
    (other,) = [line for line in lines if "connection refused" in line]
    assert other.split()[:2] == ["secondary", "down"]


def test_a_dead_node_tells_how_it_ended_and_the_members_are_the_others(cluster, monkeypatch):
    monkeypatch.setattr(Child, "pid", property(lambda child: None if child.name == "primary" else 4711))
    monkeypatch.setattr(Child, "how_it_ended", "killed by SIGKILL")
    lines = picture(cluster)
    assert " ".join(row(lines, "p  ")) == "p primary - - - 0 killed by SIGKILL"
    assert row(lines, "1  ")[3] == "secondary"
    assert plain_line(cluster.nodes[0]) == "primary: not running, killed by SIGKILL"


def test_a_node_that_starts_is_drawn_without_a_status(cluster):
    cluster.nodes[0].status = None
    assert row(picture(cluster), "p  ")[-1] == "starts"


def test_process_ids_are_shown_where_there_is_room(cluster):
    assert not any("4711" in line for line in picture(cluster))
    assert row(picture(cluster, columns=120, lines=40), "1  ")[:3] == ["1", "127.0.0.11", "4711"]


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (100, 30), (120, 40)])
def test_the_picture_fits_with_many_events_differing_nodes_and_a_problem(cluster, columns, lines):
    cluster.nodes[1].status = status("secondary", dead=True)
    problem = f"{cluster.plan.zone_file}:26: www.A.gslb.weights.127.0.0.11: must be a whole number, not 'plenty'"
    cluster.nodes[0].status["zones"][0]["problems"] = [problem]
    cluster.events.extend(Event(NOW, "primary", f"{number}: " + 12 * "much happens ") for number in range(50))
    shown = picture(cluster, columns, lines)
    assert len(shown) <= lines
    assert all(len(line.rstrip()) <= columns for line in shown)
    assert any("primary: 49: much" in line for line in shown)
    assert "1 2 3 kills or revives a backend, p s a node" in shown[-1]


def test_the_commands_fit_a_screen_and_name_both_nodes(cluster):
    lines = drawn(lambda _: commands_view(cluster.plan))
    text = "\n".join(lines)
    for node in cluster.nodes:
        assert f"dig @127.0.0.1 -p {node.plan.dns_port} www.demo.example" in text
    assert "cluster status -c" in text
    assert "h goes back" in lines[-1]
