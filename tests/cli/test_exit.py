"""The end of memstat, and the garbage collector, which is off while it starts."""

from __future__ import annotations

import gc
import os
import subprocess
import sys

import pytest

from memstat.cli import event_loop


@pytest.mark.parametrize("arguments", [["get", str(os.getpid())], ["run", "--", "true"]])
def test_exit_handlers_run_and_what_they_print_is_not_lost(arguments: list[str]) -> None:
    source = (
        "import atexit\n"
        "from memstat.__main__ import main\n"
        "atexit.register(print, 'the end', end='')\n"
        "main()"
    )
    command = [sys.executable, "-c", source, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.endswith("the end")


def test_what_is_kept_until_the_end_is_not_freed_piece_by_piece() -> None:
    source = (
        "import os\n"
        "from memstat.__main__ import main\n"
        "class Kept:\n"
        "    def __del__(self, write=os.write): write(1, b'freed')\n"
        "kept = Kept()\n"
        "main()"
    )
    command = [sys.executable, "-c", source, "--version"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    assert "freed" not in done.stdout


def test_garbage_is_collected_again_once_an_event_loop_runs() -> None:
    async def is_enabled() -> bool:
        return gc.isenabled()

    gc.disable()
    try:
        assert event_loop.run(is_enabled)
    finally:
        gc.enable()
        gc.unfreeze()
