"""The fuzz targets hold for their seeds and some changes to them: `make fuzz` looks much further."""

from random import Random

import fuzz
import pytest
from fuzzing import TARGETS, load
from mutating import any_octets

CHANGED = 150


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds_for_its_seeds(name: str) -> None:
    target = load(name)
    seeds = list(target.seeds())
    assert seeds
    assert max(map(len, seeds)) <= target.most_octets
    for seed in seeds:
        target.check(seed)


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds_for_changed_seeds(name: str) -> None:
    target, rng = load(name), Random(20260301)
    seeds = list(target.seeds())
    for number in range(CHANGED):
        mutate = any_octets if number % 4 == 0 else target.mutate
        target.check(mutate(rng.choice(seeds), rng)[: target.most_octets])


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_takes_nothing_for_an_answer(name: str) -> None:
    load(name).check(b"")


def test_a_finding_is_counted_and_its_file_told() -> None:
    outcome = fuzz.Outcome(seconds=2.0)
    for line in (
        "#4096\tNEW    cov: 628 ft: 1366 corp: 162/11kb lim: 4096 exec/s: 2048 rss: 78Mb L: 9/618 MS: 1 Custom-",
        " === Uncaught Python exception: ===",
        "artifact_prefix='out/query-'; Test unit written to out/query-crash-0f",
        "stat::number_of_executed_units: 5000",
    ):
        fuzz._take(line, outcome)
    assert outcome.line == "      5,000 executions     2,500/s  coverage   628  FOUND out/query-crash-0f"


def test_octets_of_a_file_are_run_again(tmp_path, capsys) -> None:
    path = tmp_path / "octets"
    path.write_bytes(b"\x00\x00" + bytes(12))
    assert fuzz.main(["--targets", "query", "--input", str(path)]) == 0
    assert "nothing is wrong" in capsys.readouterr().out
