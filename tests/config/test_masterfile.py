import pytest

from gslb.config.problems import ConfigError
from gslb.config.zones import ZoneSource, load_zone
from gslb.wire.codes import RRType
from gslb.wire.names import name_from_text

APEX = name_from_text("z.example.")
HEAD = "$TTL 1h\n@ IN SOA ns.example.net. ops 7 1h 10m 14d 60\n@ NS ns.example.net.\n"


def name(text):
    return name_from_text(text, APEX)


@pytest.fixture
def load(tmp_path):
    return lambda text, head=HEAD: load_zone(
        ZoneSource(APEX, tmp_path / "z.zone", "master"), {}, (head + text).encode()
    )


@pytest.fixture
def rrset(load):
    return lambda text, owner, rtype=RRType.A: load(text).zone.rrsets[name(owner)][rtype]


def test_the_files_soa_is_kept_and_its_serial_is_the_floor(load):
    loaded = load("")
    assert (loaded.zone.serial, loaded.serial_floor) == (7, 7)
    assert loaded.zone.soa.rname == name("ops")
    assert (loaded.zone.soa.refresh, loaded.zone.soa.expire) == (3600, 1209600)


@pytest.mark.parametrize(
    "text",
    [
        "a 60 IN A 192.0.2.1",
        "a IN 60 A 192.0.2.1",
        "a 60 A 192.0.2.1",
        "a class1 60 A 192.0.2.1",
        "a.z.example. 1m in a 192.0.2.1",
        "A 60 A 192.0.2.1 ; a comment",
        "a 60 A ( 192.0.2.1 )",
        'a 60 A ( ; a comment with ) and "\n 192.0.2.1\n )',
        "$ORIGIN a\n@ 60 A 192.0.2.1",
        "$ORIGIN example.\na.z 60 A 192.0.2.1",
        "a 60 TYPE1 \\# 4 c0000201",
        "a 60 A \\# 4 c0000201",
        "$TTL 60\na A 192.0.2.1",
        "a 60 A 192.0.2.1\r\n",
        "\\097 60 A 192.0.2.1",
    ],
)
def test_a_record_can_be_written_in_many_ways(rrset, text):
    found = rrset(text, "a")
    assert (found.ttl_seconds, found.rdatas) == (60, (b"\xc0\x00\x02\x01",))


def test_a_line_that_begins_with_a_blank_is_of_the_owner_before(load):
    zone = load("a A 192.0.2.1\n  TXT x\n\tA 192.0.2.2\n").zone
    assert set(zone.rrsets[name("a")]) == {RRType.A, RRType.TXT}
    assert len(zone.rrsets[name("a")][RRType.A].rdatas) == 2


@pytest.mark.parametrize(
    ("text", "rdata"),
    [
        ('a TXT "x; y (z)" w', b"\x08x; y (z)\x01w"),
        ('a TXT "a \\" b"', b'\x05a " b'),
        ("a TXT a\\;b", b"\x03a;b"),
        ('a TXT ( "one"\n "two" )', b"\x03one\x03two"),
        ("a TXT \\ ", b"\x01 "),
        ("a TXT b \\  ; the blank is escaped", b"\x01b\x01 "),
        ("a TXT ( b\n \\  )", b"\x01b\x01 "),
    ],
)
def test_quotes_and_escapes_hold_what_would_end_a_field(rrset, text, rdata):
    assert rrset(text, "a", RRType.TXT).rdatas == (rdata,)


@pytest.fixture
def taken(tmp_path):
    """The zone from a master file of these octets."""
    return lambda octets: load_zone(ZoneSource(APEX, tmp_path / "z.zone", "master"), {}, HEAD.encode() + octets).zone


@pytest.mark.parametrize("comment", ["B\u00fcro", "a\u00a0b"])
@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
def test_comments_are_in_any_encoding(taken, comment, encoding):
    zone = taken(f"; {comment}\na A 192.0.2.1 ; {comment}\n".encode(encoding))
    assert zone.rrsets[name("a")][RRType.A].rdatas == (b"\xc0\x00\x02\x01",)


@pytest.mark.parametrize("octets", ["B\u00fcro".encode(), b"B\xfcro", b"a\xa0b", "x\u2028y".encode(), b"a\x0bb"])
@pytest.mark.parametrize("form", [b"%s", b'"%s"'])
def test_octets_of_a_text_stay_as_they_are(taken, octets, form):
    zone = taken(b"a TXT " + form.replace(b"%s", octets) + b"\n")
    assert zone.rrsets[name("a")][RRType.TXT].rdatas == (bytes((len(octets),)) + octets,)


def test_names_are_octets_and_not_letters_of_an_encoding(taken):
    zone = taken("b\u00fcro CNAME gr\u00fcn\n".encode())
    assert zone.rrsets[name(r"b\195\188ro")][RRType.CNAME].rdatas == (name(r"gr\195\188n"),)


def test_an_included_file_is_named_in_octets_too(taken, tmp_path):
    (tmp_path / "b\u00fcro.inc").write_text("a A 192.0.2.1\n")
    assert name("a") in taken("$INCLUDE b\u00fcro.inc\n".encode()).rrsets


def test_a_file_of_16_bit_letters_is_told(taken, tmp_path):
    path = tmp_path / "z.zone"
    with pytest.raises(ConfigError, match="not UTF-8 text: octet 0xff; save the file as UTF-8"):
        load_zone(ZoneSource(APEX, path, "master"), {}, HEAD.encode("utf-16"))


@pytest.mark.parametrize("owner", ['"a"', '"a.z.example."'])
def test_quotes_around_an_owner_are_no_part_of_it(rrset, owner):
    assert rrset(f"{owner} A 192.0.2.1", "a").rdatas == (b"\xc0\x00\x02\x01",)


def test_an_included_file_may_be_empty(load, tmp_path):
    (tmp_path / "none.inc").write_text("")
    assert name("a") in load("$INCLUDE none.inc\na A 192.0.2.1\n").zone.rrsets


def test_a_quoted_part_stays_with_the_word_before_it(rrset):
    found = rrset('a HTTPS 1 . alpn="h2,h3" port=443', "a", RRType.HTTPS)
    assert found.rdatas == (b"\x00\x01\x00\x00\x01\x00\x06\x02h2\x02h3\x00\x03\x00\x02\x01\xbb",)


def test_relative_names_are_relative_to_the_origin_in_force(rrset):
    found = rrset("$ORIGIN sub\nwww CNAME host\n", "www.sub", RRType.CNAME)
    assert found.rdatas == (name("host.sub"),)


def test_without_ttl_a_record_has_that_of_the_ttl_directive_else_of_the_record_before(load):
    head = "@ SOA ns.example.net. ops 7 1h 10m 14d 90\n@ 30 NS ns.example.net.\n"
    zone = load("a A 192.0.2.1\n$TTL 5\nb A 192.0.2.1\nc 7 A 192.0.2.1\nd A 192.0.2.1", head=head).zone
    assert zone.rrsets[APEX][RRType.SOA].ttl_seconds == 90
    assert [zone.rrsets[name(owner)][RRType.A].ttl_seconds for owner in "abcd"] == [30, 5, 7, 5]


@pytest.mark.parametrize(
    ("line", "made"),
    [
        ("$GENERATE 1-3 h$ A 192.0.2.$", {"h1": "192.0.2.1", "h2": "192.0.2.2", "h3": "192.0.2.3"}),
        ("$GENERATE 1-5/2 h$ 60 IN A 192.0.2.$", {"h1": "192.0.2.1", "h3": "192.0.2.3", "h5": "192.0.2.5"}),
        ("$GENERATE 1-1 h${9,3,d} A 192.0.2.${-1}", {"h010": "192.0.2.0"}),
        ("$GENERATE 255-255 h${0,4,x} A 192.0.2.$", {"h00ff": "192.0.2.255"}),
    ],
)
def test_generate_makes_records(load, line, made):
    zone = load(line).zone
    found = {owner: zone.rrsets[name(owner)][RRType.A].rdatas for owner in made}
    assert found == {owner: (bytes(map(int, value.split("."))),) for owner, value in made.items()}
    assert len(zone.rrsets) == 1 + len(made)


def test_generate_makes_rdata_of_several_words(rrset):
    assert rrset("$GENERATE 1-1 h$ MX 10 mail$", "h1", RRType.MX).rdatas == (b"\x00\x0a" + name("mail1"),)


def test_generate_makes_nibbles(load):
    zone = load("$GENERATE 18-18 ${0,8,n} A 192.0.2.1").zone
    assert name("2.1.0.0") in zone.rrsets


def test_an_included_file_is_read_with_its_own_origin_and_lines(load, refused, tmp_path):
    (tmp_path / "sub.inc").write_text("www A 192.0.2.1\n")
    loaded = load("x A 192.0.2.9\n$INCLUDE sub.inc sub\n  TXT still-x\nafter A 192.0.2.2\n")
    assert {name("www.sub"), name("x"), name("after")} <= set(loaded.zone.rrsets)
    assert RRType.TXT in loaded.zone.rrsets[name("x")]
    assert [path.name for path in loaded.files] == ["z.zone", "sub.inc"]
    (tmp_path / "bad.inc").write_text("\nwww A x\n")
    assert refused("$INCLUDE bad.inc") == ["bad.inc:2: www.A: 'x' is not an IPv4 address; write e.g. 192.0.2.1"]


@pytest.mark.parametrize("target", ["../outside.inc", "/etc/hostname"])
def test_an_included_file_lies_in_the_folder_of_the_zone_file(refused, target):
    (problem,) = refused(f"$INCLUDE {target}")
    assert problem.startswith("z.zone:4: ")
    assert "lies in the folder of the zone file" in problem


def test_a_symbolic_link_leads_nowhere_else(refused, tmp_path):
    (tmp_path / "link.inc").symlink_to("/etc/hostname")
    assert "lies in the folder of the zone file" in refused("$INCLUDE link.inc")[0]


def test_a_symbolic_link_to_itself_is_a_problem_on_its_line(refused, tmp_path):
    (tmp_path / "circle.inc").symlink_to("circle.inc")
    (problem,) = refused("$INCLUDE circle.inc")
    assert problem.startswith("z.zone:4: circle.inc: cannot be read: ")


def test_files_that_include_each_other_end(refused, tmp_path):
    (tmp_path / "loop.inc").write_text("$INCLUDE loop.inc\n")
    assert "do they include each other?" in refused("$INCLUDE loop.inc")[0]


def test_a_missing_included_file_is_a_problem_on_its_line(refused):
    assert refused("\n$INCLUDE none.inc") == ["z.zone:5: none.inc: no such file"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a A 192.0.2.x", "a.A: '192.0.2.x' is not an IPv4 address; write e.g. 192.0.2.1"),
        ("a A", "a.A: the value is missing; write e.g. 192.0.2.1"),
        (
            "a MX mail",
            "a.MX: 'mail' is not a preference and a host (a whole number is missing); write e.g. 10 mail.example.com.",
        ),
        (
            "a MX 10 mail. x",
            "a.MX: '10 mail. x' is not a preference and a host (\"x\" is too much); write e.g. 10 mail.example.com.",
        ),
        (
            "@ TXT " + "x" * 300,
            "…' is not text in quotes, each part of up to 255 octets (a string has more than 255 octets)",
        ),
        ("a HINFO x", "a.HINFO: 'x' is not HINFO data: it ends too early"),
        ("a AA 192.0.2.1", "'AA' is not a record type, nor a TTL or a class; did you mean 'A' or 'AAAA'?"),
        ("a", "the record is not complete: owner, TTL and class if wanted, type, rdata"),
        ("a 60 IN", "the record is not complete"),
        ("a B 1", "'B' is not a record type, nor a TTL or a class"),
        ("a 300 IM A 192.0.2.1", "'IM' is not a record type, nor a TTL or a class; write owner, TTL and IN if wanted"),
        ("a CH TXT x", "the class CH is not served; zones here are of class IN"),
        ("a CLASS3 TXT x", "the class CLASS3 is not served"),
        ("a ANY x", "the class ANY is not served"),
        ("a AXFR x", "AXFR is not a type that zones hold"),
        ('a TXT "open', "a quote is not closed on its line"),
        ("a A 192.0.2.1 )", "a parenthesis is closed that was never opened"),
        ("a A ( 192.0.2.1", "a parenthesis is opened here and never closed"),
        ("a..b A 192.0.2.1", "'a..b' is not a domain name"),
        ("$TTL soon", "$TTL takes one TTL, in seconds or such as 1h"),
        ("$ORIGIN", "$ORIGIN takes one name"),
        ("$INCLUDE", "$INCLUDE takes a file"),
        ("$FOO x", "unknown directive $FOO; known: $ORIGIN, $TTL, $INCLUDE, $GENERATE"),
        ("$GENERATE 1-2", "$GENERATE takes a range"),
        ("$GENERATE 2-1 h$ A 192.0.2.$", "the range 2-1 is empty"),
        ("a 60 60 A 192.0.2.1", "a record has one TTL, and here is a second: 60"),
        ("a 60 IN 1h A 192.0.2.1", "a record has one TTL, and here is a second: 1h"),
        ("a IN IN A 192.0.2.1", "a record has one class, and here is a second: IN"),
        ('$ORIGIN "sub"', "an origin has no quotes; write sub"),
        ('$INCLUDE "sub.inc" "sub"', "an origin has no quotes; write sub"),
        ("$GENERATE x h$ A 192.0.2.$", "'x' is not a range; write start-stop or start-stop/step"),
        ("$GENERATE 1-100000000 h$ A 192.0.2.1", "more than 1000000"),
        ("a 1111111111111111111111111111111111111111111111x A 192.0.2.1", "is not a record type, nor a TTL or a class"),
        ("$GENERATE 1-2 h${-5} A 192.0.2.1", "$GENERATE makes the negative number -4"),
        ("www.other.example. A 192.0.2.1", "www.other.example. is outside the zone z.example."),
        ("a 4294967296 A 192.0.2.1", "the TTL 4294967296 is not between 0 and 2147483647"),
        ("a SOA ns.example.net. ops 1 1 1 1 1", "a SOA record stands at the apex only"),
    ],
)
def test_a_wrong_line_is_told_with_its_number(refused, line, said):
    problems = refused(line)
    assert any(problem.startswith("z.zone:4: ") and said in problem for problem in problems), problems


def test_what_a_file_generates_is_bounded_all_together(refused):
    (problem,) = refused("$GENERATE 1-100 h$ A 192.0.2.1\n$GENERATE 1-999901 i$ A 192.0.2.1\n")
    assert problem == "z.zone:5: with the range 1-999901, $GENERATE makes more than 1000000 records"


def test_every_problem_of_the_file_is_told(refused):
    text = "a A x\nb B y\nc 60 A 192.0.2.1\nd A (\n y )\ne CNAME c\ne A 192.0.2.1\n"
    assert [int(problem.split(":")[1]) for problem in refused(text)] == [4, 5, 7, 9]


def test_a_zone_without_soa_is_refused(refused):
    (no_soa,) = refused("a 60 A 192.0.2.1", head="")
    assert "the zone has no SOA record at its apex z.example." in no_soa


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a 2147483648 A 192.0.2.1", "4: a.A: the TTL 2147483648 is above 2147483647 seconds, which means 0"),
        ("$TTL 4294967295\na A 192.0.2.1\nb A 192.0.2.2", "4: $TTL: the TTL 4294967295 is above 2147483647 seconds"),
        ("d DNAME x.\nd NS ns.example.net.", "4: d.DNAME: a DNAME cannot stand at a zone cut"),
        ("d NS e", "4: d.NS: the name server e.z.example. has no address"),
        ("@ NS e\ne CNAME x.", "3: @.NS: the name server e.z.example. is a CNAME"),
        ("a CNAME x.y.\nA CNAME X.y.", "5: a.CNAME: this record is there twice"),
        ("a RRSIG A 8 2 60 20300101000000 20200101000000 1 z.example. AAAA", "4: a.RRSIG: RRSIG is of signed zones"),
        ("a DNSKEY 257 3 8 AwEAAQ==", "4: a.DNSKEY: DNSKEY is of signed zones"),
    ],
)
def test_what_is_served_with_a_warning_is_told_with_its_line(load, text, said):
    (warning,) = load(text).warnings
    assert f".zone:{said}" in str(warning)


def test_a_zone_without_name_servers_is_served_with_a_warning(load):
    (warning,) = load("", head="@ 60 SOA ns.example.net. ops 1 1h 10m 14d 60\n").warnings
    assert "no NS record at its apex z.example.; add its name servers there" in str(warning)


def test_a_ttl_that_means_zero_is_taken_as_zero(rrset):
    assert rrset("a 2147483648 A 192.0.2.1", "a").ttl_seconds == 0
    assert rrset("$TTL 4294967295\na A 192.0.2.1", "a").ttl_seconds == 0


def test_two_soa_records_are_refused(refused):
    (problem,) = refused("@ SOA ns.example.net. ops 8 1h 10m 14d 60")
    assert "more than one SOA record" in problem


def test_a_record_without_owner_or_ttl_is_refused(refused):
    assert "begins with a blank" in refused("", head="  60 A 192.0.2.1\n")[0]
    assert "the record has no TTL and there is no $TTL" in refused("", head="a A 192.0.2.1\n")[0]


def test_a_record_written_twice_and_ttls_that_differ_are_warnings(load, tmp_path):
    loaded = load("a 60 A 192.0.2.1\na 60 A 192.0.2.1\na 30 A 192.0.2.2\n")
    assert [str(problem).replace(f"{tmp_path}/", "") for problem in loaded.warnings] == [
        "z.zone:5: a.A: this record is there twice",
        (
            "z.zone:6: a.A: the TTL 30 differs from the 60 on line 4, which all records of one name and type share "
            "(RFC 2181 section 5.2)"
        ),
    ]
    assert loaded.zone.rrsets[name("a")][RRType.A].ttl_seconds == 60
