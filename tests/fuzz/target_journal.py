"""What stands in a journal, should the disk have changed it."""

from collections.abc import Iterator

from fake_primary import difference, soa
from fuzzing import Target
from mutating import any_octets, one_of

from gslb.transfer.stored_form import (
    StoredFormError,
    parse_change_set,
    parse_rdatas,
    render_change_set,
    render_rdatas,
)


def check(data: bytes) -> None:
    """The first octet: the values of an rrset, or a change set."""
    try:
        if data[:1] == b"\x00":
            rdatas = parse_rdatas(data[1:])
            assert render_rdatas(rdatas) == data[1:]
        else:
            change_set = parse_change_set(data[1:])
            assert render_change_set(change_set) == data[1:]
    except StoredFormError as error:
        assert str(error)


def seeds() -> Iterator[bytes]:
    yield b"\x00" + render_rdatas((b"\x7f\x00\x00\x01",))
    yield b"\x00" + render_rdatas((b"\x7f\x00\x00\x01", b"\x7f\x00\x00\x02", b""))
    yield b"\x01" + render_change_set(difference(soa(5), soa(6)))
    yield b"\x01" + render_change_set(
        difference(soa(5), soa(6), ["old 60 TXT gone"], ["new 60 A 192.0.2.9", "x 1 TXT y"])
    )


TARGET = Target(
    "any octets are a stored form, which rendered is the same octets, or a StoredFormError",
    seeds,
    check,
    one_of(any_octets),
    most_octets=1024,
)
