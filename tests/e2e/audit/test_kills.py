"""kill -9 at any moment: no accepted event is lost, none stands in the export twice, and the chain is whole.

A thousand kills: `python -m tests.fakes.trail_kills FOLDER 1000`.
"""

import json
import subprocess
import sys

import pytest

KILLS = 6


def killed(folder, *url):
    command = [sys.executable, "-m", "tests.fakes.trail_kills", str(folder), str(KILLS), *url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_writer_that_is_killed_again_and_again_leaves_a_whole_trail(tmp_path):
    found = killed(tmp_path)
    assert found.items() >= {"lives": KILLS, "whole": True, "lost": [], "twice": []}.items()
    assert found["said"] > KILLS


@pytest.mark.postgres
def test_and_so_it_does_on_postgresql(tmp_path, postgres_database_url):
    found = killed(tmp_path, postgres_database_url)
    assert found.items() >= {"lives": KILLS, "whole": True, "lost": [], "twice": []}.items()
