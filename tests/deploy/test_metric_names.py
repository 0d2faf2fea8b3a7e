"""Every metric and label that the alerts and the dashboard speak of is one that nodes expose."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.daemon

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARD = json.loads((DEPLOY / "grafana/dashboard.json").read_text())
RULES = [
    rule
    for group in yaml.safe_load((DEPLOY / "prometheus/alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
]
SCRAPED = {"instance", "job", "node"}
"""Labels that Prometheus adds."""


def panels() -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[tuple[str, str, str]]:
    """Where, the PromQL, and the text that shows labels of its result."""
    for rule in RULES:
        yield rule["alert"], rule["expr"], " ".join(map(str, rule["annotations"].values()))
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"], target["legendFormat"]


def metrics_in(expression: str) -> dict[str, set[str]]:
    """The series an expression names, each with the labels it matches on."""
    found: dict[str, set[str]] = {}
    for name, matchers in re.findall(r"\b(gslb_\w+|up)\b(?:\{([^}]*)\})?", expression):
        found.setdefault(name, set()).update(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
    return found


def labels_named(expression: str, shown: str) -> set[str]:
    """Labels that it groups and joins by, and those shown of the result."""
    grouped = re.findall(r"\b(?:by|on|without|group_left|group_right)\s*\(([^)]*)\)", expression)
    named = {label.strip() for labels in grouped for label in labels.split(",") if label.strip()}
    return named | set(re.findall(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}", shown))


EACH = pytest.mark.parametrize(
    ("where", "expression", "shown"), [pytest.param(*each, id=each[0]) for each in expressions()]
)


@EACH
def test_metrics_and_the_labels_matched_are_exposed(
    where: str, expression: str, shown: str, exposed: Mapping[str, frozenset[str]]
) -> None:
    named = metrics_in(expression)
    assert named
    for name, labels in named.items():
        assert name == "up" or name in exposed, f"{where}: no node exposes {name}"
        assert labels <= exposed.get(name, frozenset()) | SCRAPED, f"{where}: {name}"


@EACH
def test_labels_grouped_by_and_shown_are_on_the_metrics(
    where: str, expression: str, shown: str, exposed: Mapping[str, frozenset[str]]
) -> None:
    known = SCRAPED.union(*(exposed.get(name, ()) for name in metrics_in(expression)))
    assert labels_named(expression, shown) <= known, where


def test_the_dashboard_can_choose_by_labels_that_are_there(exposed: Mapping[str, frozenset[str]]) -> None:
    chosen = [variable for variable in DASHBOARD["templating"]["list"] if variable["type"] == "query"]
    for variable in chosen:
        metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"]).groups()
        assert label in exposed[metric] | SCRAPED
    defined = {variable["name"] for variable in DASHBOARD["templating"]["list"]} | {"__rate_interval"}
    text = json.dumps(DASHBOARD["panels"])
    assert set(re.findall(r"\$\{?(\w+)", text)) <= defined


def test_panels_have_numbers_of_their_own_and_do_not_overlap() -> None:
    every = DASHBOARD["panels"]
    assert len({panel["id"] for panel in every}) == len(every)
    taken: set[tuple[int, int]] = set()
    for panel in every:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_every_metric_of_a_node_is_on_the_dashboard_or_in_an_alert(exposed: Mapping[str, frozenset[str]]) -> None:
    """Or is one of those that say in words what others say in numbers."""
    shown = {name for _, expression, _ in expressions() for name in metrics_in(expression)}
    families = {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in shown}
    missing = {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in exposed} - families
    assert missing <= {"gslb_member_reason"}
