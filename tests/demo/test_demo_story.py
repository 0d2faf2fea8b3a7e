"""The story: seen when every step was, told with what was not, and given time to measure."""

from gslb.demo.story import STEPS, Finding, Story
from gslb.demo.unattended import MIN_SECONDS, window_seconds


def story(*failing):
    return Story(tuple(Finding(step, step not in failing, f"about {step}") for step in STEPS), 12.3)


def test_a_story_is_seen_when_every_step_was():
    assert story().failed is None
    assert story().to_json()["ok"] is True
    assert "all of it was seen" in story().to_text()


def test_a_story_that_broke_off_names_the_step_and_what_was_not_reached():
    broke_off = Story((Finding("start", ok=True, text=""), Finding("shares", ok=False, text="why")), 3.0)
    assert broke_off.failed == "shares"
    assert broke_off.to_json() | {"steps": []} == {"ok": False, "failed": "shares", "seconds": 3.0, "steps": []}
    assert "FAILED  shares        why" in broke_off.to_text()
    assert "failover      not reached" in broke_off.to_text()
    assert "the step 'shares' was not seen" in broke_off.to_text()


def test_a_story_without_all_of_its_steps_is_not_seen():
    assert Story((Finding("start", ok=True, text=""),), 3.0).failed == "shares"


def test_long_lines_are_folded_below_where_they_start():
    text = "word " * 30 + "/a/path/that-is-long.yaml:3: "
    lines = Story((Finding("start", ok=True, text=text),), 3.0).to_text(60).splitlines()
    assert lines[0].startswith("ok      start         word")
    assert lines[1].startswith(" " * 22 + "word")
    assert all(len(line) <= 60 for line in lines)
    assert "/a/path/that-is-long.yaml:3:" in " ".join(lines)


def test_more_time_is_spent_on_measuring_shares_within_bounds():
    assert window_seconds(MIN_SECONDS) == 2.0
    assert window_seconds(60.0) == 7.0
    assert window_seconds(600.0) == 10.0
