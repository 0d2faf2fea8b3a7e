"""A real Prometheus, configured as compose.yaml says, reads real nodes: every rule and every panel is evaluated."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harness import wait_for

pytestmark = pytest.mark.daemon

DASHBOARD = json.loads((Path(__file__).parents[2] / "deploy/grafana/dashboard.json").read_text())
TARGETS = [
    pytest.param(panel["title"], target["expr"], id=f"{panel['title']}-{target['refId']}")
    for panel in DASHBOARD["panels"]
    for target in panel.get("targets", ())
]
SHOWS_SOMETHING_ALWAYS = {
    "Nodes up",
    "Queries",
    "Members down",
    "Names degraded",
    "Zones not as written",
    "Probers not running",
    "Queries by rcode",
    "Queries by transport",
    "Queries by type",
    "Queries by node",
    "Members",
    "Share of answers, as steered",
    "Answers by member, as given",
    "Degraded names",
    "Members available",
    "Probe latency",
    "Probes by result",
    "Serials",
    "Behind the newest serial",
    "Reloads",
    "Transfers",
    "Octets transferred",
    "NOTIFY",
    "Peers",
    "Until secondaries expire",
    "Roles and versions",
}


def filled(expression: str) -> str:
    """The expression as Grafana sends it with everything chosen."""
    return re.sub(r"\$(instance|zone|owner)\b", ".*", expression).replace("$__rate_interval", "10s")


def test_the_configuration_is_right(prometheus: Any, tool: Callable[[str], str]) -> None:
    file = prometheus.root("prometheus") / "etc/prometheus/prometheus.yml"
    checked = subprocess.run([tool("promtool"), "check", "config", str(file)], capture_output=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(("title", "expression"), TARGETS)
def test_a_panel_shows_what_nodes_expose(prometheus: Any, title: str, expression: str) -> None:
    result = prometheus.promql("query", query=filled(expression))["result"]
    assert result or title not in SHOWS_SOMETHING_ALWAYS


def test_every_rule_is_evaluated(prometheus: Any) -> None:
    def evaluated() -> list[dict[str, Any]]:
        rules = [rule for group in prometheus.promql("rules")["groups"] for rule in group["rules"]]
        return rules if rules and all(rule["health"] != "unknown" for rule in rules) else []

    rules = wait_for(evaluated, "Prometheus to evaluate the rules")
    assert {rule["health"] for rule in rules} == {"ok"}, [rule.get("lastError") for rule in rules]


def test_a_backend_that_stops_raises_its_alert_and_no_other_node_does(prometheus: Any) -> None:
    prometheus.stop("web2")
    gone = prometheus.address("web2")
    try:
        wait_for(lambda: ("GslbMemberDown", gone) in pending(prometheus), f"the alert for {gone}")
    finally:
        prometheus.start("web2")
    wait_for(lambda: ("GslbMemberDown", gone) not in pending(prometheus), "the alert to end")


def test_nothing_is_raised_about_a_cluster_that_is_well(prometheus: Any) -> None:
    wait_for(lambda: {name for name, _ in pending(prometheus)} <= {"GslbNoQueries"}, f"{pending(prometheus)} to end")


def pending(prometheus: Any) -> set[tuple[str, str]]:
    """Alerts whose condition holds, with the member they are about."""
    alerts = prometheus.promql("alerts")["alerts"]
    return {(alert["labels"]["alertname"], alert["labels"].get("member", "")) for alert in alerts}
