import pytest
from pydantic import ValidationError

from gslb.health.probes import PROBES

PLAUSIBLE = {kind: {} for kind in PROBES} | {"tcp": {"port": 25}}


@pytest.mark.parametrize("kind", PROBES)
def test_every_option_of_every_probe_is_described(kind):
    for name, field in PROBES[kind].options.model_fields.items():
        assert field.description, name
    assert PROBES[kind].summary


@pytest.mark.parametrize("kind", PROBES)
def test_every_probe_has_defaults_for_all_but_a_port(kind):
    required = {name for name, field in PROBES[kind].options.model_fields.items() if field.is_required()}
    assert required <= {"port"}


@pytest.mark.parametrize("kind", PROBES)
def test_options_survive_their_canonical_text(kind):
    model = PROBES[kind].options
    options = model(**PLAUSIBLE[kind])
    assert model.model_validate_json(options.to_text()) == options


@pytest.mark.parametrize("kind", PROBES)
def test_an_unknown_option_is_an_error(kind):
    with pytest.raises(ValidationError, match="prot"):
        PROBES[kind].options(**PLAUSIBLE[kind], prot=80)


def test_options_said_in_different_words_have_one_canonical_text():
    model = PROBES["http"].options
    one = model(port="8080", status=200, headers={"B": "2", "A": "1"})
    other = model(headers={"A": "1", "B": 2}, status=["200"], port=8080)
    assert one.to_text() == other.to_text()


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        ("http", {"status": "299-200"}, "runs backwards: write 200-299"),
        ("http", {"status": []}, "no status is wanted"),
        ("http", {"status": ["ok"]}, "'ok' is no status: write a code such as 200"),
        ("http", {"status": 99}, "'99' is no status"),
        ("http", {"status": "200-600"}, "'200-600' is no status"),
        ("http", {"path": "healthz"}, "a path starts with a slash: write '/healthz'"),
        ("http", {"path": "/a b"}, "without spaces"),
        ("http", {"path": "/a\r\nX: y"}, "printable ASCII only"),
        ("http", {"path": "/a#b"}, "without spaces or #"),
        ("http", {"host": "a b"}, "is no host"),
        ("http", {"host": "a\r\nX: y"}, "is no host"),
        ("http", {"headers": {"X": "a\r\nY: b"}}, "the header X holds a line break"),
        ("http", {"headers": {"X y": "a"}}, "'X y' is no header name"),
        ("http", {"headers": {"Host": "a"}}, "say it as `host`"),
        ("http", {"headers": {"Content-Length": "5"}}, "a probe sends no body"),
        ("http", {"method": "HEAD", "body": "ok"}, "the reply to HEAD has no body"),
        ("http", {"method": "DELETE"}, "'GET', 'HEAD', 'POST' or 'OPTIONS'"),
        ("http", {"port": 0}, "greater than or equal to 1"),
        ("http", {"port": 65536}, "less than or equal to 65535"),
        ("http", {"body_limit": 10**9}, "less than or equal to 1048576"),
        ("https", {"sni": "a b"}, "is no host"),
        ("https", {"verify": False, "ca_file": "/x"}, "of no use with `verify: false`"),
        ("https", {"ca_file": "ca.pem"}, "an absolute path"),
        ("tcp", {}, "Field required"),
        ("tcp", {"port": 25, "send": "HELO"}, "say what must come back"),
    ],
)
def test_nonsense_is_refused_with_the_reason(kind, options, said):
    with pytest.raises(ValidationError) as caught:
        PROBES[kind].options(**options)
    assert said in str(caught.value)
