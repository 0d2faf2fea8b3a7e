# ruff: noqa: E501  (tables of cases are read by the line)
import itertools

import pytest

from gslb.config.monitors import MonitorProfile
from gslb.config.problems import ConfigError
from gslb.config.zones import ZoneSource, load_zone
from gslb.wire.codes import RRType
from gslb.wire.names import name_from_text
from gslb.zone.steered import AllDown, Status

APEX = name_from_text("z.example.")
HEAD = "'': {type: NS, value: ns.example.net.}\n"
WEB = MonitorProfile("http", '{"port":80}', 5.0, 2.0, 2, 3)


def name(text):
    return name_from_text(text, APEX)


@pytest.fixture
def load(tmp_path):
    def read(text, head=HEAD, monitors=None, nameservers=()):
        source = ZoneSource(APEX, tmp_path / "z.yaml", "octodns", nameservers)
        return load_zone(source, {"web": WEB} if monitors is None else monitors, (head + text).encode())

    return read


@pytest.fixture
def zone(load):
    return lambda text, **more: load(text, **more).zone


@pytest.fixture
def warned(load, tmp_path):
    return lambda text, **more: [str(problem).replace(f"{tmp_path}/", "") for problem in load(text, **more).warnings]


class TestOwners:
    @pytest.mark.parametrize(
        ("written", "owner"),
        [
            ("1.10", "1.10"),
            ("010", "010"),
            ("12:30", "12:30"),
            ("2001:10:20:30:40:50:1:2", "2001:10:20:30:40:50:1:2"),
            ("NO", "no"),
            ("yes", "yes"),
            ("2024-01-01", "2024-01-01"),
            ("null", "null"),
            ("~", "~"),
            ("1e3", "1e3"),
            ("0x1f", "0x1f"),
            ("true", "true"),
            (".inf", None),
            ("'*'", "*"),
            ("a\\.b", "a\\.b"),
            ("'nul\\000l'", "nul\\000l"),
            ("'hi\\255\\200'", "hi\\255\\200"),
            ("sp\\032ace", "sp\\032ace"),
            ("l" * 63, "l" * 63),
            (".".join(["l" * 63] * 3 + ["m" * 51]), ".".join(["l" * 63] * 3 + ["m" * 51])),  # 255 octets
            ("bücher", "xn--bcher-kva"),
            ("_sip._tcp", "_sip._tcp"),
            ("UPPER", "upper"),
        ],
    )
    def test_an_owner_is_the_text_that_was_written(self, zone, refused, written, owner):
        text = f"{written}: {{type: A, value: 192.0.2.1}}"
        if owner is None:
            assert "is not a domain name" in refused(text)[0]
        else:
            assert name(owner) in zone(text).rrsets

    @pytest.mark.parametrize(
        ("written", "said"),
        [
            ("'@'", "write '' for the zone's own name"),
            ("www.z.example.", "names are relative to the zone; write 'www'"),
            ("www.other.example.", "www.other.example. is outside the zone z.example."),
            ("a b", "a name has no spaces"),
            ("a..b", "'a..b' is not a domain name: A DNS label is empty"),
            ("_gslb", "names at and below _gslb.z.example. are reserved for the cluster; use another name"),
            ("x._gslb", "names at and below _gslb.z.example. are reserved for the cluster; use another name"),
        ],
    )
    def test_other_owners_are_refused_with_the_mend(self, refused, written, said):
        (problem,) = refused(f"{written}: {{type: A, value: 192.0.2.1}}")
        assert problem.startswith("z.yaml:2: ")
        assert problem.endswith(said)

    def test_a_label_longer_than_63_octets_is_refused(self, refused):
        assert "is not a domain name" in refused(f"{'a' * 64}: {{type: A, value: 192.0.2.1}}")[0]

    def test_a_name_longer_than_255_octets_is_refused(self, refused):
        assert "is not a domain name" in refused(f"{'.'.join(['a' * 49] * 5)}: {{type: A, value: 192.0.2.1}}")[0]

    def test_an_owner_spelt_twice_is_one_owner(self, refused):
        text = "www: {type: A, value: 192.0.2.1}\nWWW: {type: A, value: 192.0.2.2}"
        assert refused(text) == [
            "z.yaml:3: WWW.A: the A record of this name is on line 2 already; put the values together"
        ]


class TestTxt:
    @pytest.mark.parametrize("value", ["1.10", "010", "12:30", "NO", "2024-01-01", "null", "~", "1e3", "0x1f", "true"])
    def test_a_value_is_the_text_that_was_written(self, zone, value):
        rdata = zone(f"t: {{type: TXT, value: {value}}}").rrsets[name("t")][RRType.TXT].rdatas[0]
        assert rdata == bytes((len(value),)) + value.encode()

    @pytest.mark.parametrize(
        ("written", "strings"),
        [
            ("a\\; b", [b"a; b"]),
            ("a; b", [b"a; b"]),
            ("'\"a\"'", [b"a"]),
            ('\'"a" "b"\'', [b"ab"]),
            ("a\\b", [b"a\\b"]),
            ("''", [b""]),
            ("ü", ["ü".encode()]),
            ("x" * 300, [b"x" * 255, b"x" * 45]),
        ],
    )
    def test_escapes_and_quotes_are_read_as_octodns_does(self, zone, written, strings):
        rdata = zone(f"t: {{type: TXT, values: [{written}]}}").rrsets[name("t")][RRType.TXT].rdatas[0]
        assert rdata == b"".join(bytes((len(part),)) + part for part in strings)

    def test_a_value_that_is_not_there_is_refused(self, refused):
        assert refused("t: {type: TXT, value: }") == ["z.yaml:2: t.TXT.value: the value is missing"]


class TestRecords:
    def test_the_ttl_is_3600_unless_it_is_said(self, zone):
        rrsets = zone("a: {type: A, value: 192.0.2.1}\nb: {type: A, ttl: 0, value: 192.0.2.1}").rrsets
        assert rrsets[name("a")][RRType.A].ttl_seconds == 3600
        assert rrsets[name("b")][RRType.A].ttl_seconds == 0

    @pytest.mark.parametrize("ttl", ["-1", "1h", "4294967296", "9" * 5000, "x", "1.5", "[1]", "''"])
    def test_other_ttls_are_refused(self, refused, ttl):
        (problem,) = refused(f"a: {{type: A, ttl: {ttl}, value: 192.0.2.1}}")
        assert problem.startswith("z.yaml:2: a.A.ttl: ")
        assert problem.endswith("is not a TTL; write whole seconds, from 0 to 2147483647")

    def test_a_ttl_that_means_zero_is_taken_as_zero_and_told(self, zone, warned):
        text = "a: {type: A, ttl: 2147483648, value: 192.0.2.1}"
        assert zone(text).rrsets[name("a")][RRType.A].ttl_seconds == 0
        (problem,) = warned(text)
        assert problem.startswith("z.yaml:2: a.A.ttl: the TTL 2147483648 is above 2147483647 seconds, which means 0")
        assert problem.endswith("so nothing is cached; write 2147483647 or less")

    def test_a_dname_beside_ns_and_name_servers_without_address_are_served_and_told(self, warned):
        text = "d: [{type: DNAME, value: x.example.}, {type: NS, value: ns.z.example.}]\n"
        assert [problem.split(":", 3)[1:3] for problem in warned(text)] == [["2", " d.DNAME"], ["2", " d.NS"]]

    @pytest.mark.parametrize(
        ("key", "written"),
        [
            ("gslb", "{monitor: web}"),
            ("dynamic", "{pools: {}}"),
            ("values", "[192.0.2.1]"),
            ("ttl", "30"),
            ("value", "192.0.2.1"),
        ],
    )
    def test_a_key_of_a_record_that_stands_among_the_owners_is_told_to_be_indented(self, refused, key, written):
        told = refused(f"a:\n  type: A\n  octodns: {{}}\n{key}: {written}\n")
        mend = f"; if '{key}' is a key of the record above, indent it like the others there"
        assert [problem.endswith(mend) for problem in told if f" {key}" in problem] == [True]

    def test_values_keep_their_order(self, zone):
        rrset = zone("a: {type: A, values: [192.0.2.9, 192.0.2.1]}").rrsets[name("a")][RRType.A]
        assert rrset.rdatas == (b"\xc0\x00\x02\x09", b"\xc0\x00\x02\x01")

    @pytest.mark.parametrize(
        ("record", "said"),
        [
            ("{value: 192.0.2.1}", "a.type: the record has no type"),
            ("{type: A}", "a.A: the record has no `value` and no `values`"),
            ("{type: A, value: }", "a.A.value: the value is missing"),
            ("{type: A, values: []}", "a.A.values: the list of values is empty"),
            ("{type: A, value: 192.0.2.1, values: [192.0.2.1]}", "a.A.values: the record has `value` and `values`; write one of them"),
            ("{type: A, value: 192.0.2.300}", "a.A.value: '192.0.2.300' is not an IPv4 address; write e.g. 192.0.2.1"),
            ("{type: A, value: 010.0.2.1}", "a.A.value: '010.0.2.1' is not an IPv4 address; write e.g. 192.0.2.1"),
            ("{type: AAAA, value: 192.0.2.1}", "a.AAAA.value: '192.0.2.1' is an IPv4 address, which belongs in a record of type A"),
            ("{type: AAAA, value: host}", "a.AAAA.value: 'host' is not an IPv6 address; write e.g. 2001:db8::1"),
            ("{type: A, value: '2001:db8::1'}", "a.A.value: '2001:db8::1' is an IPv6 address, which belongs in a record of type AAAA"),
            ("{type: AA, value: 192.0.2.1}", "a.type: 'AA' is not a record type; did you mean 'A' or 'AAAA'?"),
            ("{type: CNAME, value: a..b.}", "a.CNAME.value: 'a..b.' is not a domain name: A DNS label is empty; write e.g. www.example.com."),
            ("{type: TLSA, value: {certificate_usage: 3, selector: 1, matching_type: 1, certificate_association_data: ab}}", "a.TLSA.value: '3 1 1 ab' is not a usage, a selector, a matching type and data in hexadecimal (certificate association data length inconsistent with matching type); write e.g. {certificate_usage: 3, selector: 1, matching_type: 1, certificate_association_data: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08}"),
            ("{type: DNSKEY, value: 257 3 8}", "a.DNSKEY.value: '257 3 8' is not flags, protocol, algorithm and a key in base64 (it ends too early); write e.g. 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4="),
            ("{type: A, values: [192.0.2.1, 192.0.2.1]}", "a.A.values.1: this value is already on line 2; write it once"),
            ("{type: AAAA, values: ['::1', '0::1']}", "a.AAAA.values.1: this value is already on line 2; write it once"),
            ("{type: A, valeu: 192.0.2.1, value: 192.0.2.1}", "a.A.valeu: unknown key 'valeu'; did you mean 'value'?"),
            ("{type: CNAME, value: www}", "a.CNAME.value: 'www' does not end with a dot; write the full name: 'www.example.com.' for a name of the zone example.com"),
            ("{type: CNAME, values: [a.x., b.x.]}", "a.CNAME.values: a CNAME has one value; to choose among several write `dynamic:` pools"),
            ("{type: MX, value: 10 mail.x.}", "a.MX.value: must be a mapping with the keys preference, exchange; write e.g. {preference: 10, exchange: mail.example.com.}"),
            ("{type: MX, value: {preference: 10}}", "a.MX.value: exchange is missing; write e.g. {preference: 10, exchange: mail.example.com.}"),
            ("{type: MX, value: {preference: ten, exchange: m.x.}}", "a.MX.value.preference: 'ten' is not a whole number from 0 to 65535"),
            ("{type: MX, value: {preference: 1, priority: 1, exchange: m.x.}}", "a.MX.value: preference and priority mean the same; write one"),
            ("{type: MX, value: {preference: 1, exchange: m.x., wieght: 1}}", "a.MX.value: unknown key 'wieght'; known: exchange, preference, priority, value"),
            ("{type: SSHFP, value: {algorithm: 1, fingerprint_type: 1, fingerprint: xy}}", "a.SSHFP.value.fingerprint: 'xy' is not hexadecimal"),
            ("{type: a, value: 192.0.2.1}", "a.type: 'a' is not a record type; did you mean 'A'?"),
            ("{type: CNAM, value: x.}", "a.type: 'CNAM' is not a record type; did you mean 'CNAME'?"),
            ("{type: ANY, value: x}", "a.type: ANY is not a type that zones hold"),
            ("{type: SOA, value: x}", "a.type: SOA is made by the server; write `gslb: {soa: {...}}` in the NS record of the apex"),
            ("{type: ALIAS, value: x.}", "a.type: ALIAS is not a DNS record type; at the apex write A and AAAA records with `gslb:`, below it a CNAME"),
            ("{type: URLFWD, value: x}", "a.type: URLFWD is not a DNS record type; redirects are the work of a web server"),
            ("{type: DNSKEY, value: 257 3 8 AwEAAQ==}", "a.DNSKEY: DNSKEY is of signed zones; leave it out, or serve the signed zone from a master file (.zone) or a primary"),
            ("{type: A, value: 192.0.2.1, geo: {AF: [192.0.2.2]}}", "a.A.geo: not supported: octoDNS's former `geo:`; write `dynamic:` pools instead"),
            ("text", "a: must be a record, a mapping with `type` and `value`, or a list of them"),
            ("[text]", "a.0: must be a record, a mapping with `type` and `value`, or a list of them"),
            ("{type: AAAA, values: [[::1]]}", None),
        ],
    )  # fmt: skip
    def test_a_wrong_record_is_refused_with_place_and_mend(self, refused, record, said):
        expected = said or 'YAML takes ::1 apart; quote it: "::1"'
        assert refused(f"a: {record}") == [f"z.yaml:2: {expected}"]

    def test_an_address_that_became_a_mapping_gets_quote_it(self, refused):
        assert refused("a:\n  type: AAAA\n  values:\n    - fe80::\n") == ['z.yaml:5: a.AAAA.values: quote it: "fe80::"']

    @pytest.mark.parametrize(
        ("record", "rtype", "rdata"),
        [
            ('{type: HINFO, value: \'"a" "b"\'}', 13, b"\x01a\x01b"),
            ("{type: TYPE65282, value: \\# 3 010203}", 65282, b"\x01\x02\x03"),
            ("{type: TYPE1, value: \\# 4 c0000201}", 1, b"\xc0\x00\x02\x01"),
            ("{type: AFSDB, value: 1 host}", 18, b"\x00\x01" + name("host")),
        ],
    )
    def test_other_types_take_master_file_text_or_the_generic_form(self, zone, record, rtype, rdata):
        assert zone(f"a: {record}").rrsets[name("a")][rtype].rdatas == (rdata,)

    def test_every_problem_of_the_file_is_told(self, refused):
        lines = [
            int(problem.split(":")[1]) for problem in refused("a: {type: A, value: x}\nb: {type: B}\nc: {typ: A}\n")
        ]
        assert lines == [2, 3, 4]


class TestSoa:
    def test_it_is_made_with_defaults(self, zone):
        soa = zone("").soa
        assert soa.mname == name_from_text("ns.example.net.")
        assert soa.rname == name_from_text("hostmaster.z.example.")
        assert (soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum) == (0, 3600, 600, 1209600, 60)

    def test_the_apex_ns_record_says_otherwise(self, zone):
        head = (
            "'': {type: NS, value: ns.example.net., gslb: {soa: {mname: m.example., rname: ops.example., refresh: 2h, "
            "retry: 5m, expire: 7d, minimum: 30, ttl: 10m}}}\n"
        )
        found = zone("", head=head)
        soa = found.soa
        assert (soa.mname, soa.rname) == (name_from_text("m.example."), name_from_text("ops.example."))
        assert (soa.refresh, soa.retry, soa.expire, soa.minimum) == (7200, 300, 604800, 30)
        assert found.rrsets[APEX][RRType.SOA].ttl_seconds == 600

    @pytest.mark.parametrize(
        ("soa", "said"),
        [
            ("{rname: ops.x@z.example}", "@.NS.gslb.soa.rname: a mail address is written as a name here: 'ops\\.x.z.example.'"),
            ("{minimun: 60}", "@.NS.gslb.soa.minimun: unknown key 'minimun'; did you mean 'minimum'?"),
            ("{serial: 5}", "@.NS.gslb.soa.serial: the server numbers the zone itself; leave the serial out"),
            ("{refresh: soon}", "@.NS.gslb.soa.refresh: 'soon' is not a duration; write one like 250ms, 5s, 2m, 1h30m or 14d"),
            ("{mname: ns}", "@.NS.gslb.soa.mname: 'ns' does not end with a dot; write the full name: 'ns.example.com.' for a name of the zone example.com"),
        ],
    )  # fmt: skip
    def test_a_wrong_soa_is_refused(self, refused, soa, said):
        head = f"'': {{type: NS, value: ns.example.net., gslb: {{soa: {soa}}}}}\n"
        assert refused("", head=head) == [f"z.yaml:1: {said}"]

    def test_it_stands_at_the_apex_only(self, refused):
        assert refused("a: {type: NS, value: ns.example.net., gslb: {soa: {}}}") == [
            "z.yaml:2: a.NS.gslb: NS cannot be steered; A, AAAA and CNAME can"
        ]
        assert refused("a: {type: A, value: 192.0.2.1, gslb: {soa: {}}}") == [
            "z.yaml:2: a.A.gslb.soa: `soa` belongs into the NS record of the apex"
        ]


class TestNameservers:
    SERVERS = (name_from_text("ns1.example.net."), name_from_text("ns2.example.net."))

    def test_a_zone_without_ns_is_refused_with_the_mend(self, refused):
        (problem,) = refused("a: {type: A, value: 192.0.2.1}", head="")
        assert (
            "no NS record at its apex z.example.; add its name servers there, or `nameservers:` to gslb.yaml" in problem
        )

    def test_the_nodes_name_servers_stand_in(self, zone):
        found = zone("a: {type: A, value: 192.0.2.1}", head="", nameservers=self.SERVERS)
        assert found.rrsets[APEX][RRType.NS].rdatas == self.SERVERS
        assert found.soa.mname == self.SERVERS[0]

    def test_the_zones_own_name_servers_win(self, zone):
        found = zone("", nameservers=self.SERVERS)
        assert found.rrsets[APEX][RRType.NS].rdatas == (name_from_text("ns.example.net."),)

    def test_nothing_is_said_to_be_missing_that_could_not_be_read(self, refused):
        assert refused("", head="'': {type: NS, value: ns}\n") == [
            "z.yaml:1: @.NS.value: 'ns' does not end with a dot; write the full name: 'ns.example.com.' for a name of the zone example.com"
        ]


class TestOctodnsSection:
    @pytest.mark.parametrize(
        ("section", "why"),
        [
            ("{ignored: true}", "octodns.ignored is true"),
            ("{excluded: [gslb]}", "octodns.excluded names 'gslb'"),
            ("{included: [route53]}", "octodns.included names route53, and not 'gslb'"),
        ],
    )
    def test_a_record_can_be_left_out_and_that_is_said(self, load, warned, section, why):
        text = f"a: {{type: A, value: 192.0.2.1, octodns: {section}}}"
        assert name("a") not in load(text).zone.rrsets
        assert warned(text) == [f"z.yaml:2: a.A: left out: {why}"]

    @pytest.mark.parametrize(
        "section",
        [
            "{ignored: false}",
            "{excluded: [route53]}",
            "{included: [gslb]}",
            "{lenient: true}",
            "",
            "{cloudflare: {proxied: true}}",
        ],
    )
    def test_otherwise_it_stays(self, load, section):
        loaded = load(f"a: {{type: A, value: 192.0.2.1, octodns: {section}}}")
        assert name("a") in loaded.zone.rrsets
        assert loaded.warnings == ()

    def test_a_misspelt_key_is_a_warning_because_providers_have_keys_of_their_own(self, warned):
        assert warned("a: {type: A, value: 192.0.2.1, octodns: {ignord: true}}") == [
            "z.yaml:2: a.A.octodns.ignord: unknown key 'ignord'; did you mean 'ignored'?"
        ]

    def test_the_health_check_is_the_monitor_where_gslb_names_none(self, zone):
        text = (
            "a: {type: A, value: 192.0.2.1, gslb: {}, octodns: {healthcheck: {protocol: HTTP, port: 8080, path: /up}}}"
        )
        monitor = zone(text).steered[name("a"), 1].pools[0].members[0].monitor
        assert (monitor.probe, monitor.target, monitor.interval_seconds) == ("http", "192.0.2.1", 10.0)
        assert monitor.option_values() | {"port": 8080, "path": "/up", "host": "a.z.example"} == monitor.option_values()

    def test_its_defaults_are_octodns_own(self, zone):
        text = "a: {type: A, value: 192.0.2.1, gslb: {}, octodns: {healthcheck: {}}}"
        monitor = zone(text).steered[name("a"), 1].pools[0].members[0].monitor
        assert monitor.probe == "https"
        assert (
            monitor.option_values() | {"port": 443, "path": "/_dns", "host": "a.z.example"} == monitor.option_values()
        )

    def test_a_null_host_means_the_value(self, zone):
        text = "a: {type: A, value: 192.0.2.1, gslb: {}, octodns: {healthcheck: {host: null}}}"
        assert zone(text).steered[name("a"), 1].pools[0].members[0].monitor.option_values()["host"] == ""

    def test_a_tcp_check_has_a_port_only(self, zone):
        text = "a: {type: A, value: 192.0.2.1, gslb: {}, octodns: {healthcheck: {protocol: TCP, port: 25, path: /x}}}"
        monitor = zone(text).steered[name("a"), 1].pools[0].members[0].monitor
        assert (monitor.probe, monitor.option_values()["port"]) == ("tcp", 25)

    def test_gslb_monitor_wins(self, zone):
        text = "a: {type: A, value: 192.0.2.1, gslb: {monitor: web}, octodns: {healthcheck: {port: 1}}}"
        assert zone(text).steered[name("a"), 1].pools[0].members[0].monitor == WEB.for_target("192.0.2.1")

    @pytest.mark.parametrize("protocol", ["ICMP", "UDP", "http"])
    def test_other_protocols_are_refused(self, refused, protocol):
        text = f"a: {{type: A, value: 192.0.2.1, gslb: {{}}, octodns: {{healthcheck: {{protocol: {protocol}}}}}}}"
        assert refused(text) == [
            f"z.yaml:2: a.A.octodns.healthcheck.protocol: must be one of 'HTTP', 'HTTPS' or 'TCP', not '{protocol}'"
        ]

    def test_a_health_check_of_a_plain_record_is_a_warning(self, warned):
        assert warned("a: {type: A, value: 192.0.2.1, octodns: {healthcheck: {port: 80}}}") == [
            "z.yaml:2: a.A.octodns.healthcheck: without `dynamic:` or `gslb:` the record is not steered, and nothing is probed"
        ]


class TestShortForm:
    def test_the_values_are_the_pool_in_the_order_written(self, zone):
        steered = zone("a: {type: A, ttl: 30, values: [192.0.2.9, 192.0.2.1], gslb: {}}").steered[name("a"), 1]
        (pool,) = steered.pools
        assert (pool.name, pool.fallback, pool.min_healthy) == ("default", None, 0)
        assert [member.value for member in pool.members] == list(steered.rrset.rdatas)
        assert [(member.weight, member.priority, member.status, member.monitor) for member in pool.members] == [
            (1, 0, Status.OBEY, None),
            (1, 1, Status.OBEY, None),
        ]
        assert (steered.policy, steered.answers, steered.all_down) == ("weighted", 1, AllDown.VALUES)
        assert [rule.pool for rule in steered.rules] == ["default"]

    def test_everything_can_be_said(self, zone):
        text = """\
a:
  type: AAAA
  values: ["2001:db8::1", "2001:db8::2"]
  gslb:
    policy: failover
    answers: 2
    monitor: web
    weights: {2001:DB8::1: 0}
    priorities: {"2001:db8:0::2": 7}
    status: {2001:db8::2: drain}
    targets: {2001:db8::2: 10.0.0.2}
    min_healthy: 50%
    all_down: servfail
"""
        steered = zone(text).steered[name("a"), 28]
        first, second = steered.pools[0].members
        assert (steered.policy, steered.answers, steered.all_down) == ("failover", 2, AllDown.SERVFAIL)
        assert steered.pools[0].min_healthy == 0.5
        assert (first.weight, first.priority, first.status) == (0, 0, Status.OBEY)
        assert first.monitor == WEB.for_target("2001:db8::1")
        assert (second.weight, second.priority, second.status) == (1, 7, Status.DRAIN)
        assert second.monitor == WEB.for_target("10.0.0.2")

    def test_a_monitor_can_be_written_in_place(self, zone):
        text = "a: {type: A, value: 192.0.2.1, gslb: {monitor: {probe: tcp, port: 25, interval: 5s, target: 10.0.0.1}}}"
        monitor = zone(text).steered[name("a"), 1].pools[0].members[0].monitor
        assert (monitor.probe, monitor.target, monitor.interval_seconds) == ("tcp", "10.0.0.1", 5.0)

    def test_a_steered_cname_is_probed_at_its_name(self, zone):
        text = "a: {type: CNAME, value: Host.example.net., gslb: {monitor: web}}"
        assert zone(text).steered[name("a"), 5].pools[0].members[0].monitor.target == "Host.example.net"

    @pytest.mark.parametrize(
        ("gslb", "said"),
        [
            ("{polcy: weighted}", "a.A.gslb.polcy: unknown key 'polcy'; did you mean 'policy'?"),
            ("{policy: wieghted}", "a.A.gslb.policy: unknown policy 'wieghted'; did you mean 'weighted'?"),
            ("{answers: 0}", "a.A.gslb.answers: must be at least 1, not '0'"),
            ("{answers: 17}", "a.A.gslb.answers: must be at most 16, not '17'"),
            ("{answers: two}", "a.A.gslb.answers: must be a whole number, not 'two'"),
            ("{monitor: wbe}", "a.A.gslb.monitor: unknown monitor 'wbe'; did you mean 'web'?"),
            ("{monitor: {probe: http, prt: 1}}", "a.A.gslb.monitor.prt: unknown key 'prt'; did you mean 'port'?"),
            ("{monitor: [web]}", "a.A.gslb.monitor: must be a mapping of keys, such as {probe: http, port: 80}"),
            ("{weights: {192.0.2.9: 1}}", "a.A.gslb.weights.192.0.2.9: '192.0.2.9' is not among the values; they are 192.0.2.1, 192.0.2.2"),
            ("{weights: {web1: 1}}", "a.A.gslb.weights.web1: 'web1' is not an IPv4 address; write e.g. 192.0.2.1"),
            ("{weights: {192.0.2.1: 1001}}", "a.A.gslb.weights.192.0.2.1: must be at most 1000, not '1001'"),
            ("{weights: {192.0.2.1: -1}}", "a.A.gslb.weights.192.0.2.1: must be at least 0, not '-1'"),
            ("{weights: 3}", "a.A.gslb.weights: must be a mapping of keys, not '3'"),
            ("{status: {192.0.2.1: off}}", "a.A.gslb.status.192.0.2.1: must be one of 'obey', 'up', 'down' or 'drain', not 'off'"),
            ("{min_healthy: 150%}", "a.A.gslb.min_healthy: '150%' is not a share; write a fraction such as 0.5, or 50%"),
            ("{min_healthy: 2}", "a.A.gslb.min_healthy: '2' is not a share; write a fraction such as 0.5, or 50%"),
            ("{min_healthy: nan}", "a.A.gslb.min_healthy: 'nan' is not a share; write a fraction such as 0.5, or 50%"),
            ("{all_down: panic}", "a.A.gslb.all_down: must be one of 'values', 'serve_all', 'empty' or 'servfail', not 'panic'"),
            ("{targets: {192.0.2.1: 10.0.0.1}}", "a.A.gslb.targets: nothing probes them: the record has no monitor"),
            ("[weighted]", "a.A.gslb: must be a mapping of keys"),
            ("weighted", "a.A.gslb: must be a mapping of keys, not 'weighted'; did you mean {policy: weighted}?"),
        ],
    )  # fmt: skip
    def test_a_wrong_section_is_refused_with_place_and_mend(self, refused, gslb, said):
        assert refused(f"a: {{type: A, values: [192.0.2.1, 192.0.2.2], gslb: {gslb}}}") == [f"z.yaml:2: {said}"]

    def test_certificates_that_are_missing_on_this_node_are_a_warning(self, warned):
        """The zone may be right for other nodes, and the last good version must stay readable."""
        text = "a: {type: A, value: 192.0.2.1, gslb: {monitor: {probe: https, ca_file: /nonexistent/ours.pem}}}"
        (said,) = warned(text)
        assert said.startswith("z.yaml:2: a.A.gslb.monitor.ca_file: cannot read the trusted certificates in /nonexis")

    def test_without_monitors_in_gslb_yaml_that_is_said(self, refused):
        assert refused("a: {type: A, value: 192.0.2.1, gslb: {monitor: web}}", monitors={}) == [
            "z.yaml:2: a.A.gslb.monitor: unknown monitor 'web'; gslb.yaml defines none"
        ]

    def test_one_value_in_two_spellings_is_refused(self, refused):
        text = 'a: {type: AAAA, value: "::1", gslb: {weights: {"::1": 1, "0::1": 2}}}'
        assert refused(text) == ["z.yaml:2: a.AAAA.gslb.weights.0::1: this value is there twice, written in two ways"]

    def test_a_steered_cname_has_one_answer(self, refused):
        assert refused("a: {type: CNAME, value: x.example., gslb: {answers: 2}}") == [
            "z.yaml:2: a.CNAME: a steered CNAME has `answers: 1`; a name has one alias at a time"
        ]

    @pytest.mark.parametrize(
        "record", ["{type: MX, value: {preference: 1, exchange: m.x.}, gslb: {}}", "{type: TXT, value: x, dynamic: {}}"]
    )
    def test_other_types_cannot_be_steered(self, refused, record):
        (problem,) = refused(f"a: {record}")
        assert problem.endswith("cannot be steered; A, AAAA and CNAME can")

    def test_a_rotation_that_is_too_long_is_refused(self, refused):
        values = [f"192.0.2.{number}" for number in range(1, 31)]
        weights = ", ".join(f"{value}: {weight}" for value, weight in zip(values, itertools.count(970), strict=False))
        text = f"a: {{type: A, values: [{', '.join(values)}], gslb: {{policy: round_robin, weights: {{{weights}}}}}}}"
        (problem,) = refused(text)
        assert "make a rotation of 29535 turns, more than 20000; use smaller weights" in problem

    def test_more_answers_than_values_are_warned_of(self, load):
        (warning,) = load("a: {type: A, values: [192.0.2.1], gslb: {answers: 3}}").warnings
        assert (warning.line, warning.path) == (2, "a.A.gslb.answers")
        assert warning.message == "the pool has 1 value, so there are never 3 answers"
        assert load("a: {type: A, values: [192.0.2.1, 192.0.2.2], gslb: {answers: 2}}").warnings == ()

    def test_a_monitor_that_is_off_is_left_out(self, refused):
        assert refused("a: {type: A, values: [192.0.2.1], gslb: {monitor: off}}") == [
            "z.yaml:2: a.A.gslb.monitor: unknown monitor 'off'; leave `monitor` out, and nothing is probed"
        ]


class TestLongForm:
    RECORD = """\
a:
  type: A
  ttl: 30
  values: [192.0.2.9]
  dynamic:
    pools:
      near: {fallback: far, values: [{value: 192.0.2.1, weight: 3}, {value: 192.0.2.2, status: down}]}
      far: {values: [{value: 198.51.100.1}]}
    rules: [{pool: near}]
  gslb: {policy: failover, answers: 2, monitor: web, min_healthy: 0.5, priorities: {192.0.2.2: 9}, targets: {198.51.100.1: gate.example}}
"""

    def test_pools_and_rules_are_octodns_own(self, zone):
        steered = zone(self.RECORD).steered[name("a"), 1]
        near, far = steered.pools
        assert (near.name, near.fallback, near.min_healthy) == ("near", "far", 0.5)
        assert [(member.weight, member.status, member.priority) for member in near.members] == [
            (3, Status.OBEY, 0),
            (1, Status.DOWN, 9),
        ]
        assert [member.monitor.target for member in near.members + far.members] == [
            "192.0.2.1",
            "192.0.2.2",
            "gate.example",
        ]
        assert (steered.policy, steered.answers) == ("failover", 2)

    def test_the_values_are_the_last_resort(self, zone):
        found = zone(self.RECORD)
        assert found.rrsets[name("a")][RRType.A].rdatas == (b"\xc0\x00\x02\x09",)
        assert found.steered[name("a"), 1].rrset == found.rrsets[name("a")][RRType.A]

    def test_it_stands_without_gslb_too(self, zone):
        text = (
            "a: {type: A, value: 192.0.2.9, dynamic: {pools: {p: {values: [{value: 192.0.2.1}]}}, rules: [{pool: p}]}}"
        )
        assert zone(text).steered[name("a"), 1].policy == "weighted"

    @pytest.mark.parametrize(
        ("dynamic", "said"),
        [
            ("{rules: [{pool: p}]}", ".pools: is missing"),
            ("{pools: {}, rules: [{pool: p}]}", ".pools: must have at least 1 entries"),
            ("{pools: {p: {values: []}}, rules: [{pool: p}]}", ".pools.p.values: must have at least 1 entries"),
            ("{pools: {p: {values: [{value: x}]}}, rules: [{pool: p}]}", ".pools.p.values.0.value: 'x' is not an IPv4 address; write e.g. 192.0.2.1"),
            ("{pools: {p: {values: [{valeu: x}]}}, rules: [{pool: p}]}", ".pools.p.values.0.valeu: unknown key 'valeu'; did you mean 'value'?"),
            ("{pools: {p: {values: [{value: 192.0.2.1, weight: 1001}]}}, rules: [{pool: p}]}", ".pools.p.values.0.weight: must be at most 1000, not '1001'"),
            ("{pools: {p: {values: [{value: 192.0.2.1}]}}}", ".rules: is missing"),
            ("{pools: {p: {values: [{value: 192.0.2.1}]}}, rules: []}", ".rules: must have at least 1 entries"),
            ("{pools: {p: {values: [{value: 192.0.2.1}]}}, rules: [{pool: q}]}", ".rules.0: the pool 'q' is not defined; known: p"),
            ("{pools: {p: {values: [{value: 192.0.2.1}]}}, rules: [{pool: p}, {pool: p}]}", ".rules.1: never reached: the rule before it has no conditions and matches every client"),
            ("{pools: {p: {fallback: q, values: [{value: 192.0.2.1}]}}, rules: [{pool: p}]}", ".pools.p: the fallback 'q' is not defined; pools: p"),
            ("{pools: {p: {fallback: p, values: [{value: 192.0.2.1}]}}, rules: [{pool: p}]}", ".pools.p: the fallbacks starting here lead back to this pool"),
            ("{pools: {p: {values: [{value: 192.0.2.1}, {value: 192.0.2.1}]}}, rules: [{pool: p}]}", ".pools.p: 192.0.2.1 is in the pool twice; give it a higher weight instead"),
            ("{pools: {p: {values: [{value: 192.0.2.1}]}, q: {values: [{value: 192.0.2.1}]}}, rules: [{pool: p}]}", ".pools.q: no rule and no fallback uses this pool; remove it"),
        ],
    )  # fmt: skip
    def test_wrong_pools_and_rules_are_refused_with_place_and_mend(self, refused, dynamic, said):
        problems = refused(f"a: {{type: A, value: 192.0.2.9, dynamic: {dynamic}}}")
        assert f"z.yaml:2: a.A.dynamic{said}" in problems

    @pytest.mark.parametrize("condition", ["geos: [EU]", "subnets: [10.0.0.0/8]", "asns: [64500]"])
    def test_rules_by_place_or_network_are_refused_on_their_line_and_never_ignored(self, refused, condition):
        text = f"""\
a:
  type: A
  value: 192.0.2.9
  dynamic:
    pools: {{p: {{values: [{{value: 192.0.2.1}}]}}, q: {{values: [{{value: 192.0.2.2}}]}}}}
    rules:
      - {{{condition}, pool: q}}
      - {{pool: p}}
"""
        key = condition.split(":", maxsplit=1)[0]
        assert refused(text) == [
            f"z.yaml:8: a.A.dynamic.rules.0.{key}: not supported yet: rules by the client's place or network; write one rule without conditions"
        ]

    @pytest.mark.parametrize("key", ["weights: {192.0.2.1: 2}", "status: {192.0.2.1: up}"])
    def test_what_octodns_writes_in_the_pool_is_not_written_twice(self, refused, key):
        text = self.RECORD.replace("policy: failover", key)
        (problem,) = refused(text)
        assert "with `dynamic:` write `" in problem


WANTED = "the zone's records, such as '': {type: NS, values: [ns1.example.com., ns2.example.com.]}"


class TestFiles:
    @pytest.mark.parametrize(
        ("content", "line", "said"),
        [
            (b"", 1, f"the file is empty; write {WANTED}"),
            (b" \n\n", 1, f"the file is empty; write {WANTED}"),
            (b"# nothing\n", 1, f"the file has no records; write {WANTED}"),
            (b"---\n", 1, f"the file has no records; write {WANTED}"),
            (b"- a\n", 1, "must be a mapping of owners to records"),
            (b"a: 1\nb: \xff\n", 2, "not UTF-8 text: octet 0xff; save the file as UTF-8"),
        ],
    )
    def test_content_that_is_no_zone_is_one_problem(self, tmp_path, content, line, said):
        path = tmp_path / "z.yaml"
        path.write_bytes(content)
        with pytest.raises(ConfigError) as caught:
            load_zone(ZoneSource(APEX, path, "octodns"), {})
        assert [str(problem) for problem in caught.value.problems] == [f"{path}:{line}: {said}"]

    def test_a_missing_file_and_a_folder_are_one_problem_each(self, tmp_path):
        with pytest.raises(ConfigError, match=r"none\.yaml:1: no such file"):
            load_zone(ZoneSource(APEX, tmp_path / "none.yaml", "octodns"), {})
        with pytest.raises(ConfigError, match="is a directory; a file is wanted here"):
            load_zone(ZoneSource(APEX, tmp_path, "octodns"), {})

    def test_a_file_of_absurd_size_is_refused_unread(self, tmp_path, monkeypatch):
        monkeypatch.setattr("gslb.config.textfile.MAX_OCTETS", 10)
        path = tmp_path / "z.yaml"
        path.write_text("a: 1\n" * 10)
        with pytest.raises(ConfigError, match="the file has 50 octets, more than 10"):
            load_zone(ZoneSource(APEX, path, "octodns"), {})

    def test_a_byte_order_mark_is_no_part_of_the_first_owner(self, tmp_path):
        loaded = load_zone(ZoneSource(APEX, tmp_path / "z.yaml", "octodns"), {}, b"\xef\xbb\xbf" + HEAD.encode())
        assert set(loaded.zone.rrsets) == {APEX}

    def test_equal_content_makes_equal_digests(self, load):
        text = "a: {type: A, values: [192.0.2.1, 192.0.2.2]}\nb: {type: A, value: 192.0.2.1, gslb: {monitor: web}}"
        other = (
            "b: {type: A, values: [192.0.2.1], gslb: {monitor: web}}\na: [{type: A, values: [192.0.2.2, 192.0.2.1]}]"
        )
        assert load(text).zone.digest() == load(other).zone.digest()


def test_an_owner_that_repeats_the_zone_is_warned_of(warned):
    (said,) = warned("www.z.example: {type: A, value: 192.0.2.1}")
    assert "this is www.z.example.z.example.: names are relative to the zone; did you mean 'www'?" in said
    assert warned("www.example.com: {type: A, value: 192.0.2.1}") == []
