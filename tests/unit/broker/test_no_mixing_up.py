"""No other principal's connection is ever chosen: random lives of connections, against a model.

`python -m benchmarks broker_fuzz` takes 100,000 steps. Here fixed seeds, so that a red run is red for everyone; the
same by Hypothesis, which shortens what it finds; and what would be said if the broker did mix people up.
"""

import random
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.broker_fuzz.lives import Life, Mixed

from leasehold.broker import brokering
from leasehold.broker.choosing import choose
from leasehold.model.connections import Binding, Personal


def lived(seed, folder):
    return Life(random.Random(seed), folder)  # noqa: S311  not for secrets


@pytest.fixture
def life(tmp_path):
    made = lived(7, tmp_path)
    yield made
    made.close()


def go_on(life):
    for _ in range(400):
        life.step()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_other_principals_connection_is_ever_chosen(seed, tmp_path):
    life = lived(seed, tmp_path)
    go_on(life)
    life.close()
    assert life.sent > 40
    assert life.refused > 40


def test_a_broker_that_looked_up_whoever_connected_first_would_be_found_out(life, monkeypatch):
    """ContextForge #1078: `get_any_valid_token` served another user's token."""

    def careless(unit, call):
        first = min(unit.connections.list(limit=99), key=lambda one: one.id, default=None)
        if call.user is not None and first is not None and isinstance(first.holder, Personal):
            return choose(unit, replace(call, user=first.holder.user))
        return choose(unit, call)

    monkeypatch.setattr(brokering, "choose", careless)
    with pytest.raises(Mixed):
        go_on(life)


def test_a_vault_that_forgot_whose_a_secret_is_would_be_found_out(life, monkeypatch):
    same = Binding(connection="x", holder=Personal("user:x/y"), tool_server="x", address="x")
    real_open, real_seal, real_rewrap = life.vault.open, life.vault.seal, life.vault.rewrap
    monkeypatch.setattr(life.vault, "open", lambda envelope, _: real_open(envelope, same))
    monkeypatch.setattr(life.vault, "seal", lambda secret, _: real_seal(secret, same))
    monkeypatch.setattr(life.vault, "rewrap", lambda envelope, _: real_rewrap(envelope, same))
    with pytest.raises(Mixed):
        go_on(life)


def test_a_broker_that_kept_what_it_read_too_long_would_be_found_out(life, monkeypatch):
    monkeypatch.setattr(life.broker, "forget", lambda *_: None)
    life.store._wakeups._listeners = ()
    with pytest.raises(Mixed):
        go_on(life)


class Lives(RuleBasedStateMachine):
    """The same deeds, chosen by Hypothesis."""

    @initialize(chance=st.randoms(use_true_random=False))
    def begin(self, chance):
        self.folder = tempfile.TemporaryDirectory()
        self.life = Life(chance, Path(self.folder.name))

    @rule(deed=st.sampled_from(("connect", "share", "promote", "revoke_user", "remove", "demote", "look", "wait")))
    def deed(self, deed):
        getattr(self.life, deed)()
        self.life.steps += 1

    @rule()
    def any_deed(self):
        self.life.act()

    @invariant()
    def a_call_goes_out_with_its_own_or_not_at_all(self):
        if hasattr(self, "life"):
            self.life.check()

    def teardown(self):
        if hasattr(self, "life"):
            self.life.close()
            self.folder.cleanup()


Lives.TestCase.settings = settings(
    max_examples=15, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestLives = Lives.TestCase
