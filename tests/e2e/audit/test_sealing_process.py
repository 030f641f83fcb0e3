"""A server has its trail sealed by a process beside it, which outlives it by one look, and without which it does it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.fakes.leasehold_process import children_of
from tests.fakes.registry_http import LiveRegistry
from tests.fakes.serving import wait_until

from leasehold.store.sql_store import open_store


@pytest.fixture
def registry(tmp_path):
    registry = LiveRegistry(tmp_path)
    registry.furnish()
    yield registry
    registry.close()


def is_sealed(registry):
    """Whether everything that happened before has its place."""
    events = registry.call("GET", "/v1/audit/events?limit=50", bearer=registry.token())["items"]
    return all(one["position"] is not None for one in events[5:])


def unsealed(folder):
    store = open_store(f"sqlite:///{folder}/leasehold.db")
    with store.read() as unit:
        found = unit.trail.unsealed(10)
    store.close()
    return found


def lives(process):
    return Path(f"/proc/{process}").exists()


def test_a_server_that_is_told_to_end_ends_with_its_sealing_process_and_nothing_left_to_seal(registry):
    (sealing,) = children_of(registry.process)
    wait_until(lambda: is_sealed(registry))
    os.kill(sealing, signal.SIGTERM)  # as a terminal, or whoever ends all of a group, would
    os.kill(sealing, signal.SIGINT)
    wait_until(lambda: is_sealed(registry))
    assert lives(sealing)
    os.kill(registry.process, signal.SIGTERM)
    assert registry.wait() in {0, -signal.SIGTERM}
    assert not lives(sealing)
    assert not unsealed(registry.folder)


def test_what_a_server_wrote_that_was_killed_is_sealed_all_the_same(registry):
    (sealing,) = children_of(registry.process)
    registry.create("owners", "last", {"display_name": "L", "email": "l@example.com", "team": "web"})
    os.kill(registry.process, signal.SIGKILL)
    wait_until(lambda: not lives(sealing))
    assert not unsealed(registry.folder)


def test_a_server_whose_sealing_process_was_killed_says_so_and_seals_by_itself(registry):
    (sealing,) = children_of(registry.process)
    os.kill(sealing, signal.SIGKILL)
    log = registry.folder / "serve.log"
    wait_until(lambda: "the process that seals the audit trail ended (-9)" in log.read_text())
    registry.create("owners", "later", {"display_name": "L", "email": "l@example.com", "team": "web"})
    wait_until(lambda: is_sealed(registry))
    assert children_of(registry.process) == []


DIES_EARLY = """
import os, signal
from leasehold.sealing_process import SealingProcess
apart = SealingProcess.fork(lambda stop: None)
os.kill(apart._pid, signal.SIGKILL)
assert apart.wait() == -signal.SIGKILL
apart.begin()
apart.end()
"""


def test_a_sealing_process_that_dies_before_its_server_is_ready_keeps_it_from_nothing():
    subprocess.run([sys.executable, "-c", DIES_EARLY], check=True, timeout=60)  # in a process without threads
