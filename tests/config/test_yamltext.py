import pytest

from gslb.config.problems import ConfigError
from gslb.config.yamltext import parse_yaml, quote_hint

SCALARS = [
    "1.10",
    "010",
    "12:30",
    "2001:10:20:30:40:50:1:2",
    "NO",
    "no",
    "yes",
    "On",
    "true",
    "null",
    "~",
    "2024-01-01",
    "2024-01-01T00:00:00Z",
    "1e3",
    "0x1f",
    "0b11",
    "0o17",
    "1_000",
    ".inf",
    ".nan",
    "-0",
    "+1",
    "=",
    "2001:db8::1",
    "v=spf1 -all",
]


def refused(text):
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, "f.yaml")
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("scalar", SCALARS)
def test_a_plain_scalar_is_the_text_that_was_written(scalar):
    assert parse_yaml(f"key: {scalar}", "f") == {"key": scalar}
    assert parse_yaml(f"- {scalar}", "f") == [scalar]


@pytest.mark.parametrize("scalar", SCALARS)
def test_a_key_is_the_text_that_was_written(scalar):
    assert parse_yaml(f"{scalar}: value", "f") == {scalar: "value"}


@pytest.mark.parametrize("scalar", SCALARS)
def test_quotes_change_nothing_but_the_note_that_they_stood_there(scalar):
    plain = parse_yaml(f"key: {scalar}", "f")
    quoted = parse_yaml(f"key: '{scalar}'", "f")
    assert plain == quoted
    assert (plain["key"].plain, quoted["key"].plain) == (True, False)


def test_nothing_written_is_told_from_an_empty_text():
    tree = parse_yaml("a:\nb: ''\nc: !!str\n", "f")
    assert [tree[key].is_absent for key in "abc"] == [True, False, False]


def test_null_is_null_only_where_it_is_asked_for():
    tree = parse_yaml("a: ~\nb: null\nc: 'null'\n", "f")
    assert [tree[key].is_null for key in "abc"] == [True, True, False]


def test_keys_and_values_know_their_lines():
    tree = parse_yaml("a: 1\nb:\n  - x\n  - c: 2\n", "f")
    assert tree.key_line("b") == 2
    assert tree["b"].line == 3
    assert tree["b"][1].key_line("c") == 4


def test_a_key_written_twice_names_both_lines_and_all_such_keys_are_told():
    assert refused("a: 1\nb: {c: 1, c: 2}\na: 3\n") == [
        "f.yaml:2: b.c: this key is already on line 2",
        "f.yaml:3: a: this key is already on line 1",
    ]


def test_aliases_stand_for_what_their_anchor_holds():
    assert parse_yaml("a: &v [1, 2]\nb: *v\nc: &t x\nd: *t\n", "f") == {
        "a": ["1", "2"],
        "b": ["1", "2"],
        "c": "x",
        "d": "x",
    }


def test_an_alias_without_anchor_and_an_alias_inside_its_anchor_are_problems():
    assert refused("a: *v\nb: &w [*w]\n") == [
        "f.yaml:1: a: the alias *v has no anchor above it",
        "f.yaml:2: b.0: the alias *w stands inside what it names",
    ]


def test_aliases_of_aliases_cannot_blow_up():
    levels = "".join(f"k{n}: &k{n} [{', '.join([f'*k{n - 1}'] * 10)}]\n" for n in range(1, 12))
    assert "aliases make more than" in refused(f"k0: &k0 x\n{levels}")[0]


def test_a_merge_brings_keys_that_the_mapping_may_override():
    text = "base: &base {ttl: 60, type: A}\nother: &other {ttl: 30, x: 1}\nwww: {<<: [*base, *other], ttl: 5}\n"
    assert parse_yaml(text, "f")["www"] == {"type": "A", "x": "1", "ttl": "5"}


def test_of_a_list_of_merges_the_first_wins():
    text = "a: &a {k: 1}\nb: &b {k: 2}\nc: {<<: [*a, *b]}\n"
    assert parse_yaml(text, "f")["c"] == {"k": "1"}


def test_a_merge_below_a_key_it_also_holds_is_refused_because_loaders_differ():
    assert refused("a: &a {k: 1}\nb: {k: 2, <<: *a}\n") == ["f.yaml:2: b.<<: put '<<' above 'k', which it also holds"]


def test_a_merge_of_a_text_is_refused():
    assert refused("a: {<<: x}") == ["f.yaml:1: a.<<: '<<' merges a mapping, or a list of mappings"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: !include other.yaml", "f.yaml:1: a: the tag !include is not supported; write the content here"),
        ("a: !!int 3", "f.yaml:1: a: the tag !!int is not supported; values are read as text, so leave it out"),
        ("a: !!set {x}", "f.yaml:1: a: the tag !!set is not supported; values are read as text, so leave it out"),
    ],
)
def test_tags_are_refused(text, said):
    assert refused(text) == [said]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("a: {value: ::1}", "::1"),
        ("a: [::1, ::2]", "::1"),
        ("a:\n  b: ::", "::"),
        ("a: 2001:db8::", "2001:db8::"),
        ("a: {value: 2001:db8::, weight: 3}", "2001:db8::"),
        ("a: {::1: 3}", "::1"),
        ("listen: [[::1]:53]", "::1"),
    ],
)
def test_an_address_that_yaml_takes_apart_gets_quote_it(text, address):
    line = text.count("\n") + 1
    assert refused(text) == [f'f.yaml:{line}: YAML takes {address} apart; quote it: "{address}"']


def test_an_address_that_yaml_made_a_mapping_of_is_recognised():
    assert quote_hint(parse_yaml("- fe80::", "f")[0]) == 'quote it: "fe80::"'
    assert quote_hint(parse_yaml("- a: b", "f")[0]) is None


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("*: 3", 1, "stands in quotes: '*'"),
        ("x: 1\n*.b: 3", 2, "stands in quotes: '*'"),
        ("@: 3", 1, "the zone's own name is ''"),
        ("a:\n\tb: 1", 2, "indent with spaces, not tabs"),
        ("a: 1\n b: 2", 2, "mapping values are not allowed"),
        ("a: 1\n b: 2", 2, "; indent this line like the one above if it is a key beside it"),
        ("www\n  type: A", 2, ", or end the one above with ':'"),
        ("a: b: c", 1, "; a text that holds ': ' stands in quotes"),
        (
            "a:\n    b: 1\n  c: 2\nd: 3",
            3,
            "this line, which has 2 spaces, and of the ones above: its block begins in line 1, 0 spaces in",
        ),
        (
            "a:\n  b:\n      c: 1\n    d: 2",
            4,
            "which has 4 spaces, and of the ones above: its block begins in line 2, 2 spaces in",
        ),
        (
            "a:\n  b:\n    - 1\n   - 2",
            4,
            "which has 3 spaces, and of the ones above: its block begins in line 2, 2 spaces in",
        ),
        (
            "a:\n  - 1\n  b: 2",
            3,
            "which has 2 spaces, and of the ones above: its block begins in line 2, 2 spaces in",
        ),
        ("a: 'x\nb: 1", 2, "end of stream"),
        ("a: \x01", 1, "not YAML"),
        ("{[a]: 1}", 1, "a key must be text"),
        ("--- {a: 1}\n--- {b: 1}", 2, "a second document starts here; a file holds one"),
    ],
)
def test_a_syntax_error_names_its_line_and_the_mend_where_it_is_known(text, line, said):
    (problem,) = refused(text)
    assert problem.startswith(f"f.yaml:{line}: ")
    assert said in problem


@pytest.mark.parametrize("text", ["a: [1]]", "a: 1\n}", "a: {b: 1\nc: 2"])
def test_of_brackets_the_indent_is_not_blamed(text):
    assert "indent" not in refused(text)[0]


def test_depth_costs_no_recursion():
    depth = 20_000
    tree = parse_yaml("[" * depth + "]" * depth, "f")
    while tree:
        tree = tree[0]
        depth -= 1
    assert depth == 1


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n"])
def test_a_document_without_content_is_none_or_absent(text):
    tree = parse_yaml(text, "f")
    assert tree is None or tree.is_absent


def test_without_the_c_parser_the_tree_is_the_same(monkeypatch):
    text = "a: &x {b: 1.10, c: [NO, '~']}\nd: {<<: *x, e: ~}\n"
    expected = parse_yaml(text, "f")
    monkeypatch.setattr("gslb.config.yamltext._LOADER", __import__("yaml").SafeLoader)
    assert parse_yaml(text, "f") == expected
