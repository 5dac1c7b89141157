"""Who is woken when a worker that stood still comes back, and what counts against a cell."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.crash.board import MOST_TRIES, Board, Cell, whole
from tests.crash.points import STOP, Order, Struck
from tests.crash.strikes import Strike, Strikes, _overlap

CELL = Cell("project.create", "after claim", STOP)
THREE_OF_A_GROUP = """
import os, signal, sys, time
os.setpgid(0, 0)
pids = [os.getpid()]
for _ in range(2):
    pid = os.fork()
    if not pid:
        time.sleep(60)
        sys.exit()
    pids.append(pid)
print(*pids, flush=True)
time.sleep(60)
"""


def state(pid: int) -> str:
    """One letter, as the kernel has it."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def stopped(pids: list[int]) -> list[bool]:
    """Which of them stand still, once all signals have arrived."""
    time.sleep(0.1)
    return [state(pid) == "T" for pid in pids]


def strike(pid: int, group: int, *, all_of_it: bool) -> Strike:
    order = Order("after claim", STOP, whole=all_of_it)
    struck = Struck(time.time(), pid, group, all_of_it)
    return Strike(CELL, order, pid, "project.create", 1, "t", 10.0, struck=struck)


@pytest.fixture
def group():
    with subprocess.Popen(
        [sys.executable, "-c", THREE_OF_A_GROUP], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        yield [int(word) for word in parent.stdout.readline().split()]
        os.killpg(parent.pid, signal.SIGKILL)


@pytest.fixture
def strikes():
    shop = SimpleNamespace(settings=SimpleNamespace(times=None))
    place: Any = SimpleNamespace(shop=shop)
    broker: Any = None
    return Strikes(place, broker)


def test_a_worker_comes_back_whole_but_for_who_stands_still_by_himself(group, strikes):
    parent, alone, other = group
    worker, single = (
        strike(other, parent, all_of_it=True),
        strike(alone, parent, all_of_it=False),
    )
    strikes.all = [worker, single]
    os.killpg(parent, signal.SIGSTOP)
    assert stopped(group) == [True, True, True]
    worker.thawed = time.time()
    strikes._thaw(worker.struck)
    assert stopped(group) == [False, True, False]
    single.thawed = time.time()
    strikes._thaw(single.struck)
    assert stopped(group) == [False, False, False]


def test_one_process_comes_back_and_no_other(group, strikes):
    parent, alone, other = group
    strikes.all = [strike(alone, parent, all_of_it=False)]
    os.killpg(parent, signal.SIGSTOP)
    strikes._thaw(strikes.all[0].struck)
    assert stopped([parent, alone, other]) == [True, False, True]


def test_seconds_in_which_others_held_the_lock_count_once():
    assert _overlap([(0, 5), (3, 8), (20, 30)], 2, 25) == 3 + 3 + 5
    assert _overlap([(3, 9), (4, 5)], 2, 25) == 6
    assert _overlap([(0, 1)], 2, 3) == 0


def test_a_cell_is_given_up_after_its_tries_but_not_for_what_was_learnt():
    board = Board(whole([STOP]))
    board.wanted(CELL.of)
    for _ in range(3 * MOST_TRIES):
        assert board.take(CELL.of, lambda cell: cell == CELL) == CELL
        board.give_back(CELL, counts=False)
    for _ in range(MOST_TRIES):
        assert board.take(CELL.of, lambda cell: cell == CELL) == CELL
        board.give_back(CELL)
    assert board.take(CELL.of, lambda cell: cell == CELL) is None
    assert board.never()[0].of == CELL.of
