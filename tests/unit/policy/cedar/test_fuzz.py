"""Our engines and index against Cedar, on random policies and questions; and the fuzzer against planted mistakes.

`python -m benchmarks policy_fuzz` runs 50,000 cases. Here a fixed seed, so that a red run is red for everyone.
"""

import pytest
from tests.policy_fuzz.calls import Fused, called
from tests.policy_fuzz.cases import Asked, cases
from tests.policy_fuzz.mutants import (
    DECIDING_MUTANTS,
    FUSED_MUTANTS,
    MUTANTS,
    planted,
    planted_in_deciding,
    the_deciding_ones,
    the_real_ones,
)
from tests.policy_fuzz.worlds import decided, worlds

SEED, CASES = 20261126, 2_000


@pytest.fixture(scope="module")
def drawn():
    return list(cases(SEED, CASES))


def test_the_compiled_engine_says_what_cedar_says_of_the_whole_set(drawn):
    tally = Asked(the_real_ones()).run(drawn)
    assert tally.differences == 0, tally.first
    # A fuzzer that never sees a yes, or an error, proves nothing.
    assert tally.cases >= CASES
    assert tally.allowed > CASES / 8
    assert tally.failing > CASES / 8


def test_cedar_on_slices_says_what_cedar_says_of_the_whole_set(drawn):
    tally = Asked(the_real_ones(), "cedarpy").run(drawn)
    assert tally.differences == 0, tally.first


def test_the_shadow_never_sees_two_engines_disagree(drawn):
    tally = Asked(the_real_ones(), "shadow").run(drawn[:400])
    assert tally.differences == 0, tally.first


def test_there_are_many_mutants_and_no_two_are_alike():
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 16
    modules = {"compiler", "cedar_engine", "known", "operations", "reading", "values", "index"}
    assert {mutant.module for mutant in MUTANTS} == modules
    assert {mutant.module for mutant in DECIDING_MUTANTS} == {"asking", "deciding", "directory", "relating"}
    assert {mutant.module for mutant in FUSED_MUTANTS} == {"compiler", "contexts", "fusing"}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_fuzzer_finds_the_mistake(mutant, drawn):
    assert Asked(planted(mutant), mutant.engine).run(drawn, stop=True).differences == 1


@pytest.fixture(scope="module")
def calls():
    return list(called(SEED, CASES))


@pytest.mark.parametrize("engine", ["compiled", "cedarpy", "shadow"])
def test_a_slice_that_reads_calls_says_what_cedar_says_of_their_contexts(calls, engine):
    tally = Fused(the_real_ones(), engine).run(calls)
    assert tally.differences == 0, tally.first
    assert tally.allowed > CASES / 8
    assert tally.failing > CASES / 8


@pytest.mark.parametrize("mutant", FUSED_MUTANTS, ids=lambda mutant: mutant.name)
def test_calls_find_the_mistake(mutant, calls):
    assert Fused(planted(mutant), mutant.engine).run(calls, stop=True).differences == 1


@pytest.fixture(scope="module")
def organisations():
    return list(worlds(SEED, CASES))


@pytest.mark.parametrize("engine", ["compiled", "shadow"])
def test_whole_decisions_say_what_cedar_says_of_registry_login_and_relations(organisations, engine):
    wanted = organisations if engine == "compiled" else organisations[: len(organisations) // 4]
    score = decided(wanted, the_deciding_ones(), engine)
    assert score.differences == 0, score.first
    share = score.cases / 12
    assert min(score.allowed, score.grouped, score.tied) > share
    assert engine != "compiled" or score.cases >= CASES


@pytest.mark.parametrize("mutant", DECIDING_MUTANTS, ids=lambda mutant: mutant.name)
def test_whole_decisions_find_the_mistake(mutant, organisations):
    assert decided(organisations, planted_in_deciding(mutant), stop=True).differences


def test_a_mutant_whose_passage_is_gone_is_no_mutant():
    with pytest.raises(LookupError):
        planted(MUTANTS[0].__class__("stale", "index", "a passage that is not there", ""))
