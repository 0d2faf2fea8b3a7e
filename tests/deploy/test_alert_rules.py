"""Each alert fires on what it is for and is silent on what is well, by Prometheus's own judgement (promtool).

A series is written as promtool wants it: `1x9 0x9` are ten samples of 1 and ten of 0, one a minute.
"""

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
ALERTS = DEPLOY / "prometheus/alerts.yaml"
RULES = {rule["alert"]: rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]}
RUNBOOK = (DEPLOY / "RUNBOOK.md").read_text()

NS1, NS2 = 'instance="ns1", job="gslb"', 'instance="ns2", job="gslb"'
WWW = 'owner="www.example.com.", type="A", pool="values", member="192.0.2.1"'
ZONE = 'zone="example.com."'
ON_NS1 = {"instance": "ns1", "job": "gslb"}
OF_WWW = {"owner": "www.example.com.", "type": "A", "pool": "values", "member": "192.0.2.1"}
OF_ZONE = {"zone": "example.com."}


@dataclass(frozen=True)
class Case:
    """Series under which an alert fires at minute `at`, with these labels (severity left out) and this summary; and
    series under which it does not."""

    fires: dict[str, str]
    labels: dict[str, str]
    summary: str
    quiet: dict[str, str]
    at: int = 120
    more_quiet: list[dict[str, str]] = field(default_factory=list)


CASES = {
    "GslbNodeDown": Case(
        {f"up{{{NS1}}}": "1x60 0x70"},
        ON_NS1,
        "ns1 gives no metrics",
        {f"up{{{NS1}}}": "1x130", 'up{instance="other", job="node"}': "0x130"},
    ),
    "GslbNoNodes": Case(
        {'up{instance="other", job="node"}': "1x130"},
        {"job": "gslb"},
        "Prometheus scrapes no gslb node at all",
        {f"up{{{NS1}}}": "0x130"},
    ),
    "GslbNoQueries": Case(
        {f"up{{{NS1}}}": "1x130", f'gslb_queries_total{{{NS2}, transport="udp"}}': "0+60x130"},
        ON_NS1,
        "ns1 runs, and nobody asks it",
        {f"up{{{NS1}}}": "1x130", f'gslb_queries_total{{{NS1}, transport="udp"}}': "0+60x130"},
        more_quiet=[{f"up{{{NS1}}}": "0x130"}],
    ),
    "GslbDroppedReplies": Case(
        {
            f'gslb_dropped_replies_total{{{NS1}, transport="udp"}}': "0+120x130",
            f'gslb_queries_total{{{NS1}, transport="udp", rcode="NOERROR"}}': "0+6000x130",
        },
        {"instance": "ns1", "transport": "udp"},
        "ns1: 2 udp replies a second are lost before the network",
        {
            f'gslb_dropped_replies_total{{{NS1}, transport="udp"}}': "0+1x130",
            f'gslb_queries_total{{{NS1}, transport="udp", rcode="NOERROR"}}': "0+6000x130",
        },
    ),
    "GslbTcpLimit": Case(
        {f'gslb_tcp_refused_connections_total{{{NS1}, limit="client"}}': "0+3x130"},
        {"instance": "ns1", "limit": "client"},
        "ns1 closes TCP connections at a limit (client)",
        {f'gslb_tcp_refused_connections_total{{{NS1}, limit="client"}}': "7x130"},
    ),
    "GslbRateLimiting": Case(
        {
            f'gslb_rate_limited_replies_total{{{NS1}, kind="answer", action="dropped"}}': "0+300x130",
            f'gslb_rate_limited_replies_total{{{NS1}, kind="answer", action="slipped"}}': "0+300x130",
        },
        {"instance": "ns1", "kind": "answer"},
        "ns1 is flooded: 10 replies a second (answer) are above a rate limit",
        {f'gslb_rate_limited_replies_total{{{NS1}, kind="answer", action="dropped"}}': "0+30x130"},
    ),
    "GslbTcpCrowded": Case(
        {f'gslb_tcp_evicted_connections_total{{{NS1}, transport="tcp"}}': "0+3x130"},
        {"instance": "ns1", "transport": "tcp"},
        "ns1 closes idle tcp connections to make room for others",
        {f'gslb_tcp_evicted_connections_total{{{NS1}, transport="tcp"}}': "7x130"},
    ),
    "GslbDescriptorsShort": Case(
        {f"gslb_descriptors_short{{{NS1}}}": "0x117 1 0x12"},
        ON_NS1,
        "ns1 runs out of file descriptors, and takes fewer TCP connections",
        {f"gslb_descriptors_short{{{NS1}}}": "0x130"},
    ),
    "GslbTlsHandshakesFail": Case(
        {
            f'gslb_tls_handshakes_total{{{NS1}, result="failed"}}': "0+60x130",
            f'gslb_tls_handshakes_total{{{NS1}, result="ok"}}': "0+6x130",
        },
        {"instance": "ns1"},
        "ns1: most TLS handshakes fail",
        {
            f'gslb_tls_handshakes_total{{{NS1}, result="failed"}}': "0+60x130",
            f'gslb_tls_handshakes_total{{{NS1}, result="ok"}}': "0+90x130",
        },
        more_quiet=[{f'gslb_tls_handshakes_total{{{NS1}, result="failed"}}': "0+1x130"}],
    ),
    "GslbCertificateExpiring": Case(
        {f'gslb_tls_certificate_expiry_timestamp_seconds{{{NS1}, file="tls/cert.pem"}}': "93600x130"},
        ON_NS1 | {"file": "tls/cert.pem"},
        "ns1: tls/cert.pem expires in 1d 0h 0m 0s",
        {f'gslb_tls_certificate_expiry_timestamp_seconds{{{NS1}, file="tls/cert.pem"}}': "700000x130"},
        more_quiet=[{f'gslb_tls_certificate_expiry_timestamp_seconds{{{NS1}, file="tls/cert.pem"}}': "60x130"}],
    ),
    "GslbCertificateExpired": Case(
        {f'gslb_tls_certificate_expiry_timestamp_seconds{{{NS1}, file="tls/cert.pem"}}': "60x130"},
        ON_NS1 | {"file": "tls/cert.pem"},
        "ns1: tls/cert.pem has expired; clients that verify do not connect",
        {f'gslb_tls_certificate_expiry_timestamp_seconds{{{NS1}, file="tls/cert.pem"}}': "93600x130"},
    ),
    "GslbInternalErrors": Case(
        {f"gslb_internal_errors_total{{{NS1}}}": "0x115 1x15"},
        ON_NS1,
        "ns1 met a fault of its own and answered SERVFAIL",
        {f"gslb_internal_errors_total{{{NS1}}}": "0x50 1x80"},
    ),
    "GslbZoneNotServed": Case(
        {f"gslb_zone_served{{{NS1}, {ZONE}}}": "0x130"},
        ON_NS1 | OF_ZONE,
        "ns1 answers SERVFAIL for example.com.: it has no version of it",
        {f"gslb_zone_served{{{NS1}, {ZONE}}}": "1x130"},
    ),
    "GslbZoneLastGood": Case(
        {f"gslb_zone_served{{{NS1}, {ZONE}}}": "2x60 1x70"},
        ON_NS1 | OF_ZONE,
        "ns1 serves example.com. in its last good version: the file is wrong",
        {f"gslb_zone_served{{{NS1}, {ZONE}}}": "2x130"},
    ),
    "GslbConfigNotTaken": Case(
        {f'gslb_config_ok{{{NS1}, file="/etc/gslb/gslb.yaml"}}': "0x130"},
        ON_NS1 | {"file": "/etc/gslb/gslb.yaml"},
        "ns1 did not take /etc/gslb/gslb.yaml",
        {f'gslb_config_ok{{{NS1}, file="/etc/gslb/gslb.yaml"}}': "1x130"},
    ),
    "GslbMemberDown": Case(
        {f"gslb_member_up{{{NS1}, {WWW}}}": "0x130", f"gslb_member_up{{{NS2}, {WWW}}}": "0x130"},
        OF_WWW,
        "192.0.2.1 of www.example.com. A (pool values) is down",
        {f"gslb_member_up{{{NS1}, {WWW}}}": "0x130", f"gslb_member_up{{{NS2}, {WWW}}}": "1x130"},
    ),
    "GslbMemberSeenDifferently": Case(
        {f"gslb_member_up{{{NS1}, {WWW}}}": "0x130", f"gslb_member_up{{{NS2}, {WWW}}}": "1x130"},
        OF_WWW,
        "192.0.2.1 of www.example.com. is up for some nodes and down for others",
        {f"gslb_member_up{{{NS1}, {WWW}}}": "0x130", f"gslb_member_up{{{NS2}, {WWW}}}": "0x130"},
        more_quiet=[{f"gslb_member_up{{{NS1}, {WWW}}}": "0.5x130", f"gslb_member_up{{{NS2}, {WWW}}}": "1x130"}],
    ),
    "GslbPoolDegraded": Case(
        {f'gslb_steering_degraded{{{NS1}, owner="www.example.com.", type="A"}}': "1x130"},
        ON_NS1 | {"owner": "www.example.com.", "type": "A"},
        "ns1: www.example.com. A is not answered from its first pool as configured",
        {f'gslb_steering_degraded{{{NS1}, owner="www.example.com.", type="A"}}': "0x130"},
    ),
    "GslbAllDown": Case(
        {f"gslb_member_available{{{NS1}, {WWW}}}": "0x130"},
        {"instance": "ns1", "owner": "www.example.com.", "type": "A"},
        "ns1: no member of www.example.com. A is available",
        {
            f"gslb_member_available{{{NS1}, {WWW}}}": "0x130",
            f"gslb_member_available{{{NS1}, {WWW.replace('192.0.2.1', '192.0.2.2')}}}": "1x130",
        },
    ),
    "GslbProberNotRunning": Case(
        {f"gslb_prober_up{{{NS1}}}": "0x130"},
        ON_NS1,
        "ns1 does not probe: it answers by verdicts that grow old",
        {f"gslb_prober_up{{{NS1}}}": "1x130"},
    ),
    "GslbProberRestarts": Case(
        {f"gslb_prober_restarts_total{{{NS1}}}": "0+1x130"},
        ON_NS1,
        "ns1 had to start its prober anew 15 times in 15 minutes",
        {f"gslb_prober_restarts_total{{{NS1}}}": "0x110 1x20"},
    ),
    "GslbProbesCrash": Case(
        {f'gslb_probes_total{{{NS1}, probe="http", result="crashed"}}': "0x115 2x15"},
        ON_NS1 | {"probe": "http", "result": "crashed"},
        "ns1: http probes find nothing out, by a fault of gslb's own or a file that is missing",
        {f'gslb_probes_total{{{NS1}, probe="http", result="failed"}}': "0+9x130"},
    ),
    "GslbSerialLag": Case(
        {
            f"gslb_zone_serial{{{NS1}, {ZONE}}}": "1700000100x130",
            f"gslb_zone_serial{{{NS2}, {ZONE}}}": "1700000000x130",
        },
        ON_NS1 | {"instance": "ns2"} | OF_ZONE,
        "ns2 serves example.com. in an older version than another node (1700000000)",
        {
            f"gslb_zone_serial{{{NS1}, {ZONE}}}": "1700000100x130",
            f"gslb_zone_serial{{{NS2}, {ZONE}}}": "1700000000x118 1700000100x12",
            f'gslb_zone_serial{{{NS2}, zone="other.example."}}': "1600000000x130",
        },
    ),
    "GslbPeerSerialLag": Case(
        {
            f"gslb_zone_serial{{{NS1}, {ZONE}}}": "1700000100x130",
            f'gslb_peer_serial{{{NS1}, peer="knot", {ZONE}}}': "1700000000x130",
        },
        ON_NS1 | OF_ZONE | {"peer": "knot"},
        "peer knot has example.com. in an older version than ns1",
        {
            f"gslb_zone_serial{{{NS1}, {ZONE}}}": "1700000100x130",
            f'gslb_peer_serial{{{NS1}, peer="knot", {ZONE}}}': "1700000100x130",
        },
    ),
    "GslbPeerUnreachable": Case(
        {f'gslb_peer_reachable{{{NS1}, peer="ns2", {ZONE}}}': "0x130"},
        ON_NS1 | OF_ZONE | {"peer": "ns2"},
        "ns1 does not reach ns2 for example.com.",
        {f'gslb_peer_reachable{{{NS1}, peer="ns2", {ZONE}}}': "1x130"},
    ),
    "GslbTransfersFailing": Case(
        {
            f'gslb_transfers_total{{{NS1}, direction="in", how="soa", result="unreachable", {ZONE}}}': "0x40 0+1x90",
            f'gslb_transfers_total{{{NS1}, direction="in", how="ixfr", result="ok", {ZONE}}}': "0+1x40 40x90",
        },
        {"instance": "ns1", "direction": "in"} | OF_ZONE,
        "ns1: transfers of example.com. (in) fail",
        {
            f'gslb_transfers_total{{{NS1}, direction="in", how="soa", result="unreachable", {ZONE}}}': "0+1x110 110x20",
            f'gslb_transfers_total{{{NS1}, direction="in", how="ixfr", result="ok", {ZONE}}}': "0x110 0+1x20",
        },
        more_quiet=[
            {f'gslb_transfers_total{{{NS1}, direction="out", how="axfr", result="refused", {ZONE}}}': "0+9x130"}
        ],
    ),
    "GslbSignaturesExpiring": Case(
        {f"gslb_zone_signature_expires_seconds{{{NS1}, {ZONE}}}": "50400-60x130"},
        ON_NS1 | OF_ZONE,
        "signatures of example.com. at ns1 expire in 12h 0m 0s",
        {f"gslb_zone_signature_expires_seconds{{{NS1}, {ZONE}}}": "1209600-60x130"},
        more_quiet=[{f"gslb_zone_signature_expires_seconds{{{NS1}, {ZONE}}}": "-60x130"}],
    ),
    "GslbSignaturesExpired": Case(
        {f"gslb_zone_signature_expires_seconds{{{NS1}, {ZONE}}}": "600-60x130"},
        ON_NS1 | OF_ZONE,
        "signatures of example.com. at ns1 have expired: validators refuse its answers",
        {f"gslb_zone_signature_expires_seconds{{{NS1}, {ZONE}}}": "60x130"},
    ),
    "GslbZoneExpiring": Case(
        {f"gslb_zone_expires_seconds{{{NS1}, {ZONE}}}": "50400-60x130"},
        ON_NS1 | OF_ZONE,
        "ns1 stops serving example.com. in 12h 0m 0s: no primary was reached",
        {f"gslb_zone_expires_seconds{{{NS1}, {ZONE}}}": "1209600-60x130"},
        more_quiet=[{f"gslb_zone_expires_seconds{{{NS1}, {ZONE}}}": "-60x130"}],
    ),
    "GslbZoneExpired": Case(
        {f"gslb_zone_expires_seconds{{{NS1}, {ZONE}}}": "600-60x130"},
        ON_NS1 | OF_ZONE,
        "ns1 answers SERVFAIL for example.com.: its SOA expire has passed without a primary",
        {f"gslb_zone_expires_seconds{{{NS1}, {ZONE}}}": "60x130"},
    ),
}


def test_every_alert_has_a_case() -> None:
    assert list(CASES) == list(RULES)


@pytest.mark.parametrize("name", RULES)
def test_every_alert_has_a_severity_and_a_section_of_the_runbook(name: str) -> None:
    rule = RULES[name]
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"]["runbook"] == f"deploy/RUNBOOK.md#{name.lower()}"
    assert re.search(rf"^## {name}$", RUNBOOK, re.MULTILINE)


def test_the_rules_are_well_formed(tool: Callable[[str], str]) -> None:
    checked = subprocess.run(
        [tool("promtool"), "check", "rules", "--lint=all", "--lint-fatal", str(ALERTS)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_each_alert_fires_on_what_it_is_for_and_on_nothing_else(tool: Callable[[str], str], tmp_path: Path) -> None:
    tests = [test for name, case in CASES.items() for test in promtool_tests(name, case)]
    file = tmp_path / "alerts.test.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": tests}))
    judged = subprocess.run([tool("promtool"), "test", "rules", str(file)], capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout + judged.stderr


def promtool_tests(name: str, case: Case) -> list[dict[str, object]]:
    rule = RULES[name]
    fired = {
        "exp_labels": case.labels | rule["labels"],
        "exp_annotations": {"summary": case.summary, "runbook": rule["annotations"]["runbook"]},
    }
    firing = [promtool_test(name, case.fires, case.at, [fired])]
    return firing + [promtool_test(name, series, case.at, []) for series in (case.quiet, *case.more_quiet)]


def promtool_test(name: str, series: dict[str, str], at: int, expected: list[dict[str, object]]) -> dict[str, object]:
    return {
        "interval": "1m",
        "input_series": [{"series": each, "values": values} for each, values in series.items()],
        "alert_rule_test": [{"eval_time": f"{at}m", "alertname": name, "exp_alerts": expected}],
    }
