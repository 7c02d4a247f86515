"""Files of /proc to values: captured ones, ones by the format of older kernels, and any bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from memstat.errors import ParseError
from memstat.model import Identity, Memory
from memstat.proc.parse import (
    Status,
    parse_activity,
    parse_rollup,
    parse_rss_peak,
    parse_smaps,
    parse_stat,
    parse_status,
)
from memstat.text import decode_name

DATA = Path(__file__).parents[1] / "data"
KIB = 1024

SIZES_KIB = st.integers(0, 1 << 54)
NAMES = st.binary(max_size=15).filter(lambda name: b"\0" not in name)
PIDS = st.integers(1, 1 << 22)


def captured(name: str) -> bytes:
    return (DATA / name).read_bytes()


# smaps_rollup


def test_a_rollup_of_a_new_kernel() -> None:
    assert parse_rollup(captured("rollup-linux-6.18.txt")) == Memory(
        pss_bytes=5214 * KIB,
        uss_bytes=524 * KIB,
        rss_bytes=9908 * KIB,
        pss_anon_bytes=3122 * KIB,
        pss_file_bytes=556 * KIB,
        pss_shmem_bytes=1536 * KIB,
        swap_pss_bytes=0,
        hugetlb_bytes=0,
        hugetlb_shared_bytes=0,
    )


def test_a_rollup_before_linux_5_3_does_not_split_pss() -> None:
    assert parse_rollup(captured("rollup-linux-4.14-swapped.txt")) == Memory(
        pss_bytes=681005 * KIB,
        uss_bytes=(41020 + 638392) * KIB,
        rss_bytes=884212 * KIB,
        swap_pss_bytes=98304 * KIB,
        hugetlb_bytes=0,
        hugetlb_shared_bytes=0,
    )


def test_a_rollup_without_swap_leaves_it_unknown() -> None:
    text = captured("rollup-linux-6.18.txt").replace(b"SwapPss:               0 kB\n", b"")
    assert parse_rollup(text).swap_pss_bytes is None
    assert parse_rollup(text).pss_bytes == 5214 * KIB


def test_huge_pages_are_counted_whole_beside_pss() -> None:
    text = captured("rollup-linux-6.18.txt")
    text = re.sub(rb"(Shared_Hugetlb: *)0 kB", rb"\g<1>4096 kB", text)
    text = re.sub(rb"(Private_Hugetlb: *)0 kB", rb"\g<1>2048 kB", text)
    memory = parse_rollup(text)
    assert memory.hugetlb_bytes == 6144 * KIB
    assert memory.hugetlb_shared_bytes == 4096 * KIB
    assert memory.pss_bytes == 5214 * KIB


@pytest.mark.parametrize("field", [b"Rss", b"Pss", b"Private_Clean", b"Private_Dirty"])
def test_a_rollup_without_a_field_that_every_kernel_tells_is_an_error(field: bytes) -> None:
    text = captured("rollup-linux-6.18.txt").replace(b"\n" + field + b":", b"\nOther:")
    with pytest.raises(ParseError, match=f"smaps_rollup.*{field.decode()}"):
        parse_rollup(text)


@given(
    st.fixed_dictionaries(
        dict.fromkeys(("Rss", "Pss", "Private_Clean", "Private_Dirty"), SIZES_KIB)
    )
)
def test_a_rollup_of_any_size_is_read_exactly(kib: Mapping[str, int]) -> None:
    memory = parse_rollup(_mapping("[rollup]", kib))
    assert memory.pss_bytes == kib["Pss"] * KIB
    assert memory.rss_bytes == kib["Rss"] * KIB
    assert memory.uss_bytes == (kib["Private_Clean"] + kib["Private_Dirty"]) * KIB


# smaps


def test_smaps_of_a_kernel_without_swap_pss() -> None:
    # The first mapping is of a file that is called "Rss: 9 kB".
    assert parse_smaps(captured("smaps-linux-3.10.txt")) == Memory(
        pss_bytes=1159 * KIB, uss_bytes=1064 * KIB, rss_bytes=1520 * KIB
    )


def test_smaps_with_swap_in_use_and_protection_keys() -> None:
    assert parse_smaps(captured("smaps-linux-4.9-swapped.txt")) == Memory(
        pss_bytes=16400 * KIB,
        uss_bytes=16 * KIB,
        rss_bytes=65552 * KIB,
        swap_pss_bytes=36 * KIB,
        hugetlb_bytes=0,
        hugetlb_shared_bytes=0,
    )


def test_smaps_and_rollup_of_one_process_agree() -> None:
    # Huge pages, shared memory and a forked child that shares them. Nothing is cut: all its PSS
    # happen to be whole kB.
    rolled_up = parse_rollup(captured("rollup-linux-6.18.txt"))
    assert parse_smaps(captured("smaps-linux-6.18-thp.txt")) == Memory(
        pss_bytes=rolled_up.pss_bytes,
        uss_bytes=rolled_up.uss_bytes,
        rss_bytes=rolled_up.rss_bytes,
        swap_pss_bytes=rolled_up.swap_pss_bytes,
        hugetlb_bytes=rolled_up.hugetlb_bytes,
        hugetlb_shared_bytes=rolled_up.hugetlb_shared_bytes,
    )


@pytest.mark.parametrize("field", [b"Rss", b"Pss", b"Private_Clean", b"Private_Dirty"])
def test_smaps_without_a_field_that_every_kernel_tells_are_an_error(field: bytes) -> None:
    text = captured("smaps-linux-3.10.txt").replace(b"\n" + field + b":", b"\nOther:")
    with pytest.raises(ParseError, match=f"smaps.*{field.decode()}"):
        parse_smaps(text)


def test_smaps_of_a_process_that_has_ended_are_an_error_and_not_zero() -> None:
    with pytest.raises(ParseError):
        parse_smaps(b"")


FIELDS = (
    *("Rss", "Pss", "Private_Clean", "Private_Dirty", "SwapPss"),
    *("Private_Hugetlb", "Shared_Hugetlb"),
)


@given(st.lists(st.fixed_dictionaries(dict.fromkeys(FIELDS, SIZES_KIB)), min_size=1, max_size=9))
def test_smaps_are_summed_over_their_mappings(mappings: list[Mapping[str, int]]) -> None:
    memory = parse_smaps(b"".join(_mapping("/lib/a b", kib) for kib in mappings))
    total = {field: sum(kib[field] for kib in mappings) * KIB for field in FIELDS}
    assert memory == Memory(
        pss_bytes=total["Pss"],
        uss_bytes=total["Private_Clean"] + total["Private_Dirty"],
        rss_bytes=total["Rss"],
        swap_pss_bytes=total["SwapPss"],
        hugetlb_bytes=total["Private_Hugetlb"] + total["Shared_Hugetlb"],
        hugetlb_shared_bytes=total["Shared_Hugetlb"],
    )


def _mapping(name: str, kib: Mapping[str, int]) -> bytes:
    """Return a mapping as the kernel prints it: 8 columns or more for a number."""
    fields = "".join(f"{field + ':':16}{size:8} kB\n" for field, size in kib.items())
    return f"7f00-7fff rw-p 00000000 00:00 0    {name}\n{fields}".encode()


# stat


HOSTILE = "a) b\n\x1b[31m\\\\xff("


def test_stat_with_a_name_that_looks_like_fields() -> None:
    assert parse_stat(captured("stat-hostile-name.txt")) == Identity(
        pid=20284,
        ppid=20272,
        start_ticks=111231,
        name=HOSTILE,
        state="S",
        threads=1,
        family=140727754079168,
    )


def test_stat_of_a_kernel_thread() -> None:
    kernel_thread = parse_stat(captured("stat-kernel-thread.txt"))
    assert kernel_thread == Identity(
        pid=2,
        ppid=0,
        start_ticks=24,
        name="kthreadd",
        state="S",
        threads=1,
        has_executed=False,
        is_kernel_thread=True,
    )
    assert kernel_thread.is_alive


def test_stat_of_a_forked_zombie() -> None:
    zombie = parse_stat(captured("stat-zombie.txt"))
    assert zombie == Identity(
        pid=20412,
        ppid=20411,
        start_ticks=111269,
        name="worker",
        state="Z",
        threads=1,
        has_executed=False,
    )
    assert not zombie.is_alive


@pytest.mark.parametrize(
    ("state", "threads", "alive"),
    [
        ("R", 1, True),
        ("Z", 1, False),
        ("Z", 2, True),
        ("X", 1, False),
        ("x", 1, False),
        ("T", 1, True),
    ],
)
def test_which_processes_are_alive(state: str, threads: int, *, alive: bool) -> None:
    assert Identity(7, 1, 5, "a", state, threads).is_alive is alive


IDENTITIES = st.builds(
    Identity,
    pid=PIDS,
    ppid=st.integers(0, 1 << 22),
    start_ticks=st.integers(0, 1 << 63),
    name=st.just(""),
    state=st.sampled_from("RSDZTtXxKWPI"),
    threads=PIDS,
    has_executed=st.booleans(),
    is_kernel_thread=st.booleans(),
    family=st.integers(0, (1 << 64) - 1),
)


@given(IDENTITIES, NAMES)
def test_stat_survives_any_name(identity: Identity, name: bytes) -> None:
    # PF_FORKNOEXEC and PF_KTHREAD among other flags.
    flags = 0x400000 | (0 if identity.has_executed else 0x40)
    flags |= 0x200000 if identity.is_kernel_thread else 0
    before = [identity.state, identity.ppid, 0, 0, 0, -1, flags]
    rest = [identity.threads, 0, identity.start_ticks, *[0] * 5, identity.family]
    fields = [*before, *[0] * 10, *rest]
    text = b"%d (%b) %b\n" % (identity.pid, name, " ".join(map(str, fields)).encode())
    assert parse_stat(text) == identity._replace(name=decode_name(name))
    activity = parse_activity(text)
    assert (activity.name, activity.ppid) == (decode_name(name), identity.ppid)
    assert activity.family == identity.family


# status


def test_status_escapes_newlines_and_backslashes_of_the_name() -> None:
    assert parse_status(captured("status-hostile-name.txt")) == Status(
        name=HOSTILE,
        state="S",
        tgid=20284,
        ppid=20272,
        threads=1,
        uids=(0, 0, 0, 0),
        rss_bytes=9908 * KIB,
        rss_peak_bytes=9908 * KIB,
    )


def test_both_files_tell_the_same_name() -> None:
    stat = parse_stat(captured("stat-hostile-name.txt"))
    assert parse_status(captured("status-hostile-name.txt")).name == stat.name


@pytest.mark.parametrize("kind", ["zombie", "kernel-thread"])
def test_the_status_of_a_process_without_memory_leaves_it_unknown(kind: str) -> None:
    status = parse_status(captured(f"status-{kind}.txt"))
    assert (status.rss_bytes, status.rss_peak_bytes) == (None, None)
    assert status.threads == 1


STATUSES = st.builds(
    Status,
    name=st.just(""),
    state=st.sampled_from("RSDZTtX"),
    tgid=PIDS,
    ppid=st.integers(0, 1 << 22),
    threads=PIDS,
    uids=st.tuples(*[st.integers(0, (1 << 32) - 1)] * 4),
    rss_bytes=st.none() | SIZES_KIB.map(KIB.__mul__),
    rss_peak_bytes=st.none() | SIZES_KIB.map(KIB.__mul__),
)


@given(STATUSES, NAMES)
def test_status_survives_any_name_and_size(status: Status, name: bytes) -> None:
    escaped = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
    lines = [b"Name:\t" + escaped, b"Umask:\t0022", f"State:\t{status.state} (any)".encode()]
    lines += [b"Tgid:\t%d" % status.tgid, b"Ngid:\t0", b"PPid:\t%d" % status.ppid]
    lines.append(b"Uid:\t%d\t%d\t%d\t%d" % status.uids)
    for label, size in (("VmHWM", status.rss_peak_bytes), ("VmRSS", status.rss_bytes)):
        if size is not None:
            lines.append(f"{label}:\t{size // KIB:8} kB".encode())
    lines.append(b"Threads:\t%d\n" % status.threads)
    text = b"\n".join(lines)
    assert parse_status(text) == status._replace(name=decode_name(name))
    assert parse_rss_peak(text) == status.rss_peak_bytes


# Anything at all

PARSERS: tuple[Callable[[bytes], object], ...] = (
    parse_rollup,
    parse_smaps,
    parse_stat,
    parse_activity,
    parse_status,
)
A_NUMBER_TOO_LONG_FOR_INT = b"9" * 5000


def _pieces() -> st.SearchStrategy[bytes]:
    """Bytes that look like a file of /proc for a while."""
    known = [
        b"Rss: ", b"Pss: ", b"Private_Clean: ", b"Private_Dirty: ", b"SwapPss: ", b" kB", b"\n",
        b"Name:\t", b"State:\t", b"Tgid:\t", b"PPid:\t", b"Threads:\t", b"VmRSS:\t", b"(", b")",
        b" 1", b" -1", b" 0" * 20, b" S", A_NUMBER_TOO_LONG_FOR_INT, b"\xb2", b"1_0",
    ]  # fmt: skip
    return st.lists(st.sampled_from(known) | st.binary(max_size=4), max_size=40).map(b"".join)


@pytest.mark.parametrize("parse", PARSERS)
@given(data=st.binary() | _pieces())
@example(data=b"")
@example(data=b"0-f r--p\nRss: %b kB\nPss: 1 kB\n" % A_NUMBER_TOO_LONG_FOR_INT)
@example(data=b"7 (a) \xff 1 " + b"0 " * 20)
def test_any_bytes_give_a_value_or_the_documented_error(
    parse: Callable[[bytes], object], data: bytes
) -> None:
    # Whatever else is raised fails the test.
    with suppress(ParseError):
        assert parse(data) is not None


@pytest.mark.parametrize(
    ("parse", "name"),
    [
        (parse_rollup, "rollup-linux-6.18.txt"),
        (parse_smaps, "smaps-linux-6.18-thp.txt"),
        (parse_stat, "stat-hostile-name.txt"),
        (parse_status, "status-hostile-name.txt"),
    ],
)
def test_a_file_cut_short_gives_a_value_or_the_documented_error(
    parse: Callable[[bytes], object], name: str
) -> None:
    whole = captured(name)
    errors = 0
    for length in range(min(len(whole), 1500)):
        try:
            parse(whole[:length])
        except ParseError:
            errors += 1
    assert errors > 0
