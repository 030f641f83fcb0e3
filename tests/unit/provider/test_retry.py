import pytest

from leasehold_provider.client import Answer, ConnectionLost
from leasehold_provider.retry import Attempt, Retry

OK = Answer(200, {}, b"{}")


def _run(outcomes, attempt=None, **limits):
    outcomes, slept = list(outcomes), []

    def sleep(seconds):
        slept.append(seconds)
        return limits.get("stop", False)

    def send():
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return Retry(sleep).run(send, attempt), slept


@pytest.mark.parametrize("status", [200, 201, 304, 400, 401, 403, 404, 409, 412, 422, 500])
def test_an_answer_worth_having_is_taken_at_once(status):
    answer, slept = _run([Answer(status, {}, b"")])
    assert (answer.status, slept) == (status, [])


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_registry_that_asks_for_patience_is_asked_again(status):
    answer, slept = _run([Answer(status, {}, b"")] * 3 + [OK])
    assert answer is OK
    assert len(slept) == 3


def test_a_server_that_says_when_is_not_asked_before():
    _, slept = _run([Answer(429, {"retry-after": "7"}, b""), OK])
    assert slept[0] >= 7


@pytest.mark.parametrize("nonsense", ["-1", "soon", "1e9", "٣", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_retry_after_that_is_no_number_of_seconds_counts_as_none(nonsense):
    _, slept = _run([Answer(503, {"retry-after": nonsense}, b""), OK])
    assert 0 <= slept[0] < 1


def test_a_server_that_says_tomorrow_is_told_to_the_user_instead():
    answer, slept = _run([Answer(503, {"retry-after": "86400"}, b""), OK])
    assert (answer.status, slept) == (503, [])


def test_patience_ends():
    with pytest.raises(ConnectionLost):
        _run([ConnectionLost("refused")] * 50)


def test_ctrl_c_ends_the_waiting():
    with pytest.raises(ConnectionLost):
        _run([ConnectionLost("refused"), OK], stop=True)


def test_only_an_answer_that_may_be_lost_marks_the_attempt_as_repeated():
    refused, lost = Attempt(), Attempt()
    _run([Answer(503, {}, b""), Answer(429, {}, b""), OK], refused)
    _run([ConnectionLost("reset"), OK], lost)
    assert (refused.repeated, lost.repeated) == (False, True)


def test_waits_are_jittered_and_bounded():
    slept = [_run([ConnectionLost("reset")] * 6 + [OK])[1] for _ in range(20)]
    assert len({tuple(one) for one in slept}) == 20
    assert all(seconds <= 8 for one in slept for seconds in one)
