"""CONTRIBUTING holds: its table is the order of imports, and a recipe leads where it says."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.project.test_architecture import ENDS, LEAVES, LINE
from tests.project.test_documents import copy_of_repository

ROOT: Final = Path(__file__).parents[2]
CONTRIBUTING: Final = (ROOT / ".github" / "CONTRIBUTING.md").read_text()
OPTIONAL_KIB: Final = (
    '            int(kib[b"Shared_Hugetlb:"]) * KIB if b"Shared_Hugetlb:" in kib else None,\n'
)
NO_HUGE_PAGES: Final = "        hugetlb_bytes=0,\n        hugetlb_shared_bytes=0,\n"

FIELD: Final[Mapping[str, Sequence[tuple[str, str]]]] = {
    "memstat/model.py": [
        (
            '    """The part of it that other processes map too."""\n',
            '    locked_bytes: int | None = None\n    """Pages that mlock(2) keeps in memory."""\n',
        )
    ],
    "memstat/proc/parse.py": [
        (OPTIONAL_KIB, OPTIONAL_KIB.replace("Shared_Hugetlb", "Locked")),
        ("|SwapPss|Private_Hugetlb|Shared_Hugetlb", "|Locked"),
        ('    swap = kib.get(b"SwapPss")\n', '    locked = kib.get(b"Locked")\n'),
        (
            "            hugetlb_shared_bytes=None if shared is None else shared * KIB,\n",
            "            locked_bytes=None if locked is None else locked * KIB,\n",
        ),
    ],
    "memstat/testing/snapshots.py": [
        ("        hugetlb_shared_bytes=0,\n", "        locked_bytes=0,\n"),
    ],
    "tests/proc/test_parse.py": [
        (
            "        pss_shmem_bytes=1536 * KIB,\n        swap_pss_bytes=0,\n" + NO_HUGE_PAGES,
            "        locked_bytes=0,\n",
        ),
        (
            "        swap_pss_bytes=98304 * KIB,\n" + NO_HUGE_PAGES,
            "        locked_bytes=681005 * KIB,\n",
        ),
        ("uss_bytes=1064 * KIB, rss_bytes=1520 * KIB", ", locked_bytes=0"),
        ("        swap_pss_bytes=36 * KIB,\n" + NO_HUGE_PAGES, "        locked_bytes=0,\n"),
        (
            "        hugetlb_shared_bytes=rolled_up.hugetlb_shared_bytes,\n",
            "        locked_bytes=rolled_up.locked_bytes,\n",
        ),
        ('"Private_Hugetlb", "Shared_Hugetlb"', ', "Locked"'),
        (
            '        hugetlb_shared_bytes=total["Shared_Hugetlb"],\n',
            '        locked_bytes=total["Locked"],\n',
        ),
    ],
    "tests/cli/json_fields.py": [('    "hugetlb_shared_bytes",\n', '    "locked_bytes",\n')],
    "memstat/guide/json.md": [
        (
            "| `hugetlb_shared_bytes` | the part of it that other processes map too |\n",
            "| `locked_bytes` | pages that `mlock` keeps in memory |\n",
        )
    ],
    "CHANGELOG.md": [("### Added\n\n", "- `locked_bytes`, in the library and in JSON.\n")],
}
"""What the steps come to for ``Locked``: for each file, what is added behind which text."""


def recipe(title: str) -> str:
    """Return the text of a recipe."""
    _, _, rest = CONTRIBUTING.partition(f"### {title}\n")
    assert rest
    return re.split(r"^##", rest, flags=re.MULTILINE)[0]


def files_named(text: str) -> set[str]:
    """Return the files that the steps of a recipe name."""
    steps = re.findall(r"^\d\. (.*\n(?: .*\n)*)", text, re.MULTILINE)
    return set(re.findall(r"`([\w/]+\.(?:py|md))`", "".join(steps)))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    path = tmp_path / "memstat"
    # What no step changes is not compiled again, which takes longer than the check.
    copy_of_repository(path, with_bytecode=True)
    return path


def test_the_table_is_the_order_of_imports() -> None:
    section = CONTRIBUTING.partition("## Where things are\n")[2].partition("\n\nAn import")[0]
    cells = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    parts = [re.sub(r"/|\.py", "", name) for cell in cells for name in re.findall(r"`(.*?)`", cell)]
    packages = [end for end in ENDS if not end.startswith("__")]
    assert parts == [*LEAVES, *LINE, *packages, "guide"]


@pytest.mark.timeout(300)
def test_a_field_that_the_kernel_reports(copy: Path) -> None:
    text = recipe("A field that the kernel reports")
    assert files_named(text) == FIELD.keys()
    for name, additions in FIELD.items():
        for after, added in additions:
            add(copy / name, after, added)
    (check,) = re.findall(r"^\$ (pytest .*)$", text, re.MULTILINE)
    run_in(copy, *shlex.split(check), "-q", "-x", "-p", "no:cacheprovider")
    snapshot = json.loads(run_in(copy, "memstat", "get", "--json", str(os.getpid())))
    assert type(snapshot["total"]["locked_bytes"]) is int


def add(path: Path, after: str, added: str) -> None:
    """Write what is added behind a text that the file has once."""
    before = path.read_text()
    assert before.count(after) == 1, f"{path}: {after}"
    path.write_text(before.replace(after, after + added))


def run_in(directory: Path, *command: str) -> str:
    """Run a module of our environment so that it imports the package of a directory."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(directory)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", sorted(files_named(CONTRIBUTING)))
def test_every_file_that_a_step_names_is_there(name: str) -> None:
    assert (ROOT / name).exists()
