"""Whole pages to the letter: see ``pages.py``."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from tests.report.pages import CASES, FOLDER, Case


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.path.stem)
def test_a_page_is_as_it_was_when_it_was_last_read(case: Case) -> None:
    assert case.lines == case.path.read_text().splitlines()
    assert len(case.lines) <= case.height
    assert max(map(cell_len, case.lines)) <= case.width


def test_no_page_is_left_over() -> None:
    assert {*FOLDER.iterdir()} == {case.path for case in CASES}
