"""The benchmark itself: its generator counts right, its data is the same every time, its arithmetic holds."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Thread

import generator
import hotspots
import pytest
import report
import yaml
import zonedata
from generator import GeneratorError, Load
from measure import Sample, wrong_answers
from options import parse
from ports import free_port
from procstat import tree_processes, tree_time
from running import ServerError, running
from zonedata import Outcome, Question, Workload

BENCH = Path(generator.__file__).with_name("bench.py")
TITLES = {"gslb": "gslb", "nsd": "NSD", "bind": "BIND"}
QUIET = Load(seconds=0.3, sockets=2, outstanding=4)
HALF_NXDOMAIN = Workload("half", (Question("a.example.", "A"), Question("nx.example.", "AAAA", Outcome.NXDOMAIN)))


def answer(query: bytes) -> bytes | None:
    """NXDOMAIN for a first label `nx`, else one answer, of which only the count is there."""
    exists = query[12:15] != b"\x02nx"
    return query[:2] + bytes((0x84, 0 if exists else 3)) + query[4:6] + bytes((0, exists)) + query[8:]


@contextmanager
def responder(reply: Callable[[bytes], bytes | None]) -> Iterator[int]:
    """A UDP server in a thread; gives its port."""
    with socket.socket(type=socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.05)
        stopped = False

        def serve() -> None:
            while not stopped:
                try:
                    query, client = server.recvfrom(512)
                except TimeoutError:
                    continue
                if (answered := reply(query)) is not None:
                    server.sendto(answered, client)

        thread = Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            stopped = True
            thread.join()


@pytest.fixture(scope="module")
def blast(tool, tmp_path_factory) -> Path:
    return generator.build(tmp_path_factory.mktemp("blast"), tool("cc"))


@pytest.fixture
def ask(blast, tmp_path):
    def ask(reply: Callable[[bytes], bytes | None], load: Load) -> generator.Report:
        with responder(reply) as port:
            return generator.blast(blast, port, generator.write_queries(HALF_NXDOMAIN, tmp_path), load)

    return ask


def undisturbed(run: Callable[[], generator.Report]) -> generator.Report:
    """A run in which nothing was lost and the time was kept: one of ten, as a machine that stands still for 0.2 s gives
    up what is under way."""
    for _ in range(10):
        seen = run()
        if seen.lost == 0 and seen.qps == pytest.approx(seen.received / QUIET.seconds, rel=0.2):
            return seen
    pytest.fail(f"lost {seen.lost} of {seen.sent}, {seen.qps} queries a second from {seen.received} replies")


def test_the_generator_counts_every_reply_once_and_by_outcome(ask):
    seen = undisturbed(lambda: ask(answer, QUIET))
    assert seen.sent > 100
    assert seen.received == seen.sent
    assert sum(seen.outcomes.values()) == seen.received
    assert seen.outcomes[Outcome.OTHER] == seen.outcomes[Outcome.NODATA] == 0
    assert abs(seen.outcomes[Outcome.ANSWER] - seen.outcomes[Outcome.NXDOMAIN]) <= 1
    assert 0 < seen.p50_us <= seen.p99_us
    assert wrong_answers(seen, HALF_NXDOMAIN) is None


def test_edns_adds_one_opt_record_of_11_octets_to_a_query(ask):
    assert ask(answer, replace(QUIET, edns=True)).average_bytes == ask(answer, QUIET).average_bytes + 11


def test_queries_without_reply_are_lost_and_what_is_in_flight_is_bounded(ask):
    seen = ask(lambda _query: None, QUIET)
    assert seen.received == 0
    assert seen.lost == seen.sent
    # In 0.3 s a query is given up after 0.2 s, and its place is used once more.
    assert seen.sent <= 2 * QUIET.sockets * QUIET.outstanding


def test_replies_with_another_id_do_not_count(ask):
    assert ask(lambda query: bytes((query[0] ^ 0x40, *answer(query)[1:])), QUIET).received == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--host", "192.0.2.1"], "127.0.0.0/8"),
        (["--host", "localhost"], "127.0.0.0/8"),
        (["--seconds", "61"], "--seconds takes a number from 0.01 to 60"),
        (["--outstanding", "1000000"], "--outstanding takes a number from 1 to 1024"),
    ],
)
def test_the_generator_refuses_what_could_harm(blast, tmp_path, arguments, complaint):
    queries = generator.write_queries(HALF_NXDOMAIN, tmp_path)
    command = [blast, "--port", "5300", "--queries", queries, *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert complaint in done.stderr


def test_a_query_file_that_is_no_query_file_is_refused(blast, tmp_path):
    (tmp_path / "queries").write_text("www.example. NONSENSE\n")
    with pytest.raises(GeneratorError, match="unknown query type: NONSENSE"):
        generator.blast(blast, 5300, tmp_path / "queries", QUIET)


def test_the_same_questions_are_asked_every_time():
    for name in zonedata.WORKLOADS:
        assert zonedata.workload(name) == zonedata.workload(name)
    first, second, *_ = zonedata.workload("hits").questions
    assert (first.to_text(), second.to_text()) == ("svc035.gslb.example. A", "svc088.gslb.example. A")


def test_the_mix_is_70_hits_10_aaaa_10_nxdomain_10_weighted():
    questions = zonedata.workload("mix").questions
    share = {
        "nxdomain": sum(question.outcome is Outcome.NXDOMAIN for question in questions),
        "aaaa": sum(question.qtype == "AAAA" for question in questions),
        "weighted": sum(question.qname.startswith("wrr.") for question in questions),
    }
    assert {name: count / len(questions) for name, count in share.items()} == pytest.approx(
        {"nxdomain": 0.1, "aaaa": 0.1, "weighted": 0.1}, abs=0.01
    )


def test_both_forms_of_the_zone_hold_the_same_records():
    plain = set()
    for line in zonedata.master_file().splitlines()[2:]:
        owner, _ttl, _class, rtype, value = line.split()
        if rtype != "NS":
            plain.add((owner, rtype, value))
    ours = yaml.safe_load(zonedata.octodns_yaml())
    del ours[""]
    assert plain == {
        (owner, record["type"], value)
        for owner, records in ours.items()
        for record in records
        for value in record["values"]
    }
    assert len(plain) == 2 + 100 * 5 + 3


SAMPLE = Sample(
    server="gslb", workload="hits", edns=False, round=0, qps=100_000, cpu_us=8, user_us=5, system_us=3, sent=1000,
    received=1000, lost=0, p50_us=500, p99_us=900, average_bytes=85, server_share=0.99, generator_share=0.5,
    foreign_share=0.01,
)  # fmt: skip


def samples(server: str, *figures: tuple[float, float], workload: str = "hits", foreign: float = 0.0) -> list[Sample]:
    return [
        replace(SAMPLE, server=server, workload=workload, qps=qps, cpu_us=cpu_us, foreign_share=foreign)
        for qps, cpu_us in figures
    ]


def test_a_ratio_divides_the_medians_of_the_rounds():
    summaries = report.summarise(
        samples("gslb", (90_000, 9), (100_000, 8), (140_000, 7)) + samples("nsd", (200_000, 4), (190_000, 5), (1, 3))
    )
    ours, nsd = summaries.values()
    assert ours.qps == report.Spread(100_000, 90_000, 140_000)
    assert report.ratio(ours, nsd, "qps") == pytest.approx(100 / 190)
    assert report.ratio(ours, nsd, "cpu_us") == 2


def test_dirty_rounds_are_left_out_unless_there_are_no_others():
    clean, dirty = samples("gslb", (100_000, 8)), samples("gslb", (10_000, 80), foreign=0.07)
    (both,) = report.summarise(clean + dirty).values()
    assert (both.qps.median, both.clean, both.dirty) == (100_000, 1, 1)
    (only,) = report.summarise(dirty).values()
    assert (only.qps.median, only.clean, only.dirty) == (10_000, 0, 1)


@pytest.mark.parametrize(
    ("ours", "foreign", "line"),
    [
        ((124_000, 8), 0.0, "gslb/NSD queries per second, hits: 0.62 (target ≥ 0.5) ok"),
        ((98_000, 8), 0.0, "gslb/NSD queries per second, hits: 0.49 (target ≥ 0.5) MISSED"),
        ((124_000, 8), 0.2, "gslb/NSD queries per second, hits: 0.62 (target ≥ 0.5) ok, but from dirty rounds only"),
    ],
)
def test_a_verdict_names_servers_figure_workload_ratio_and_bound(ours, foreign, line):
    summaries = report.summarise(samples("gslb", ours, foreign=foreign) + samples("nsd", (200_000, 4)))
    (verdict,) = report.verdicts(summaries)
    assert report.verdict_line(verdict, TITLES) == line


def test_less_cpu_than_the_bound_meets_a_cpu_target():
    summaries = report.summarise(samples("gslb", (1, 9)) + samples("bind", (1, 8)))
    (verdict,) = report.verdicts(summaries)
    assert (verdict.target.figure, verdict.ratio, verdict.ok) == ("cpu_us", 1.125, True)
    assert not verdict.target.met_by(1.26)


def test_the_table_ranks_servers_by_cpu_and_gives_our_ratios():
    summaries = report.summarise(samples("gslb", (100_000, 8)) + samples("nsd", (200_000, 4)))
    text = "\n".join(report.tables(summaries, TITLES))
    assert text.index("NSD") < text.index("100,000")
    assert text.endswith("gslb/NSD: queries per second 0.50, CPU per query 2.00")


def test_a_server_that_answers_wrong_is_not_measured():
    counts = {Outcome.ANSWER: 50, Outcome.NODATA: 0, Outcome.NXDOMAIN: 49, Outcome.OTHER: 1}
    seen = generator.Report(qps=1, sent=100, received=100, lost=0, p50_us=1, p99_us=1, average_bytes=1, outcomes=counts)
    assert wrong_answers(seen, HALF_NXDOMAIN) == "1.0% of the replies are other, where 0.0% should be"


def test_cpu_time_of_a_tree_holds_children_that_run_and_children_that_ended():
    burn = "import time\nwhile time.process_time() < 0.2: pass\n"
    both = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burn!r}])\n{burn}print(flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", both], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        assert 0.35 < tree_time(process.pid).total < 1
        assert tree_time(os.getpid()).total > tree_time(process.pid).total
        process.communicate(b"\n")


def test_a_server_that_does_not_start_is_named_with_the_end_of_its_log(tool, tmp_path):
    tool("setpriv")
    tool("taskset")
    cpu = min(os.sched_getaffinity(0))
    command = ["sh", "-c", "echo cannot read the zone >&2; exit 3"]
    with (
        pytest.raises(ServerError, match=r"Broken did not get ready: it ended with status 3\n +cannot read the zone"),
        running("Broken", command, free_port(), tmp_path, cpu),
    ):
        pytest.fail("it is not ready")


def test_children_that_stay_are_stopped_with_the_server_even_in_a_session_of_their_own(tool, tmp_path, monkeypatch):
    tool("setpriv")
    monkeypatch.setattr("running.CHECKS", ())
    command = ["sh", "-c", "setsid sleep 300 & wait"]
    with running("Parent", command, free_port(), tmp_path, min(os.sched_getaffinity(0))) as server:
        (child,) = wait_for(lambda: [pid for pid in tree_processes(server.pid) if os.getsid(pid) != server.pid])
    wait_for(lambda: not Path(f"/proc/{child}").exists())


def test_the_sampler_names_the_function_that_burns(tmp_path):
    (tmp_path / "burner.py").write_text(
        "import os, signal, time\n"
        "def burn(until):\n"
        "    while time.process_time() < until: pass\n"
        "os.kill(os.getpid(), signal.SIGUSR2)\n"
        "burn(time.process_time() + 0.3)\n"
        "os.kill(os.getpid(), signal.SIGUSR2)\n"
    )
    command = hotspots.command([sys.executable, "-m", "burner"], tmp_path / "report")
    subprocess.run(command, cwd=tmp_path, check=True, timeout=60)
    found = hotspots.read(tmp_path / "report")
    assert sum(found.own.values()) >= 10
    assert max(found.own, key=found.own.get) == f"{tmp_path}/burner.py:burn"
    assert any("burner.py:burn" in line for line in hotspots.lines(found))


def bench(*arguments: str) -> list[str]:
    return [sys.executable, str(BENCH), "--servers", "nsd", "--rounds", "1", "--repeats", "0", *arguments]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("--rounds 0", "a whole number from 1 to 100, not '0'"),
        ("--seconds 3600", "seconds from 0.2 to 60, not '3600'"),
        ("--servers nsd,tinydns", "'tinydns': there are gslb, gslb-limited, nsd, bind, knot"),
        ("--cpus 1,1", "two CPU numbers as in 0,1, not '1,1'"),
        ("--json /nowhere/out.json", "there is no directory /nowhere"),
        ("--profile --json out.json", "it writes no --json"),
    ],
)
def test_arguments_that_will_not_do_are_refused_before_anything_starts(arguments, complaint, capsys):
    with pytest.raises(SystemExit, match="2"):
        parse(arguments.split())
    assert complaint in capsys.readouterr().err


@pytest.fixture
def needs_nsd(tool):
    for program in ("nsd", "cc", "taskset", "setpriv"):
        tool(program)
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs two CPUs")


def test_a_whole_run_prints_a_table_and_writes_json(needs_nsd, tmp_path):
    command = bench("--seconds", "0.2", "--workloads", "mix", "--edns", "--json", str(tmp_path / "out.json"))
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert "mix with EDNS" in done.stdout
    document = json.loads((tmp_path / "out.json").read_text())
    assert [sample["edns"] for sample in document["samples"]] == [False, True]
    assert all(sample["received"] > 1000 and sample["cpu_us"] > 0 for sample in document["samples"])
    assert document["verdicts"] == []  # of gslb there is nothing to judge


def test_an_interrupt_stops_the_server_and_leaves_nothing_behind(needs_nsd, tmp_path):
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(bench("--seconds", "30"), stderr=subprocess.PIPE, text=True, env=environment)
    try:
        server = wait_for(lambda: next(tmp_path.glob("gslb-bench-*/nsd-*/pid"), None))
        pid = int(wait_for(server.read_text))
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    finally:
        process.kill()
        _, stderr = process.communicate()
    assert "interrupted" in stderr
    assert not Path(f"/proc/{pid}").exists()
    assert list(tmp_path.iterdir()) == []


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found
