"""Tests that replace parts of the system, or forbid them, do not fail because they are measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.pytest_plugin.options import LIGHT

pytest_plugins = ["pytester"]

REPLACING = {
    "pyfakefs": """
        def test_it(fs):
            fs.create_file("/x.txt", contents="hi")
            assert open("/x.txt").read() == "hi"
        """,
    "freezegun": """
        import time
        from freezegun import freeze_time

        @freeze_time("2001-02-03")
        def test_it():
            assert time.monotonic() == time.monotonic()
        """,
    "time_machine": """
        import time
        import time_machine

        @time_machine.travel(0, tick=False)
        def test_it():
            assert time.time() == 0
        """,
    "os": """
        import os, select, signal, time

        def test_it(monkeypatch):
            def fail(*_): raise AssertionError("not for you")
            for name in ("read", "write", "open", "close", "getpid", "fstat", "waitpid", "waitid"):
                monkeypatch.setattr(os, name, fail)
            for module, name in ((select, "poll"), (time, "monotonic"), (time, "clock_gettime")):
                monkeypatch.setattr(module, name, fail)
        """,
    "removed_directory": """
        import os

        def test_it(tmp_path):
            folder = tmp_path / "gone"
            folder.mkdir()
            before = os.getcwd()
            os.chdir(folder)
            folder.rmdir()
            try:
                assert bytearray(1 << 20)
            finally:
                os.chdir(before)
        """,
    "no_children": """
        import os
        import psutil
        import pytest

        def test_it():
            assert psutil.Process().children(recursive=True) == []
            with pytest.raises(ChildProcessError):
                os.waitpid(-1, os.WNOHANG)
        """,
    "fork": """
        import os, threading

        def test_it():
            # Python 3.12 and later warn of a fork beside other threads, and warnings are errors.
            assert threading.active_count() == 1
            child = os.fork()
            if child == 0:
                os._exit(7)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        """,
}


@pytest.mark.parametrize("limit", ["", "pytestmark = pytest.mark.max_pss('1 GiB')"])
def test_tests_that_replace_the_system_are_measured_all_the_same(
    pytester: pytest.Pytester, limit: str
) -> None:
    pytester.makeini("[pytest]\nfilterwarnings = error\n")
    plain = f"import pytest\n{limit}\ndef test_it(): pass\n"
    pytester.makepyfile(test_0_first=plain)
    for number, (what, source) in enumerate(REPLACING.items(), 1):
        replacing = f"import pytest\n{limit}\n{_dedent(source)}"
        pytester.makepyfile(**{f"test_{number}_{what}": replacing, f"test_{number}_z_plain": plain})
    # Capturing output, pytest itself calls what a test replaces.
    options = ("-s", *LIGHT, "-p", "fakefs", "--memstat-json", "out.json", "--memstat")
    result = pytester.runpytest_subprocess(*options)
    result.assert_outcomes(passed=1 + 2 * len(REPLACING))
    result.stdout.no_fnmatch_line("not measured:*")
    rows = json.loads(Path("out.json").read_text())["tests"]
    assert [row["test"].partition(".")[0] for row in rows] == sorted(
        path.stem for path in Path().glob("test_*.py")
    )
    assert all(row["growth_pss_bytes"] is not None for row in rows)


def test_what_cannot_be_measured_fails_no_test_that_asked_for_nothing(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        """
        import os

        def test_closes_everything():
            before = os.dup(1), os.dup(2)
            os.closerange(max(before) + 1, 200)
            for fd in before: os.close(fd)

        def test_next(): pass
        """
    )
    result = pytester.runpytest_subprocess(*LIGHT, "--memstat", "-p", "no:faulthandler", "-s")
    result.assert_outcomes(passed=2)


def _dedent(source: str) -> str:
    return "\n".join(line[8:] for line in source.splitlines())
