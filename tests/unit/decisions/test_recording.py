"""Every decision is on record with both sides, and nothing that was said by value; nothing is decided unrecorded."""

import asyncio

import pytest
from tests.fakes.decision_point import DecisionWorld, call
from tests.fakes.registry import GRANT, USER
from tests.unit.decisions.test_current import Broken

from leasehold.decisions.questions import AccessQuestion, Party
from leasehold.decisions.recording import Recorder
from leasehold.decisions.records import digest
from leasehold.model.errors import Unavailable
from leasehold.model.principal import Principal, Role
from leasehold.policy.platform import PlatformAction, decide_platform

PERMIT = decide_platform(Principal(id="kubernetes:gateway", role=Role.ENFORCER), PlatformAction.DECIDE, "decisions")


def recorded(world):
    world.recorder.close()
    return [event for event in world.registry.audit() if event["kind"] == "decisions"]


def test_a_decision_is_recorded_with_who_asked_and_what_each_side_said(world):
    answer = world.decide(**call("read_file", context={"user": USER["ids"][0]}))
    (event,) = recorded(world)
    assert event["name"] == answer["context"]["evaluation_id"]
    assert (event["principal"], event["action"], event["outcome"]) == ("kubernetes:gateway", "decide", "denied")
    detail = event["detail"]
    assert (detail["subject"], detail["user"], detail["resource"]) == ("agent:triage", "user:rick", "repo:web")
    assert [(side["side"], side["reason"]) for side in detail["sides"]] == [
        ("agent", "granted"),
        ("user", "not_permitted"),
    ]
    assert detail["version"] == answer["context"]["policy_version"]


def test_no_value_of_arguments_attributes_or_context_is_in_the_record(world, caplog):
    secret = "s3cr3t-value"
    world.registry.grant({**GRANT, "tools": ["refund"]})
    arguments = {"amount": 4.25, "note": secret}
    world.decide(
        **call(
            "refund", arguments=arguments, context={"device": {"id": secret}, "source_ip": "192.0.2.77", "x": secret}
        ),
    )
    world.decide(**call("refund", arguments={**arguments, secret: secret}))
    world.decide(**call("refund", arguments={"amount": secret}))
    world.decide(subject={"type": "ghost", "id": "g", "properties": {"p": secret}}, action={"name": "y"},
                 resource={"type": "r", "id": "1", "properties": {"q": secret}})  # fmt: skip
    events = recorded(world)
    assert len(events) == 4
    assert not any(secret in str(event) or "192.0.2.77" in str(event) for event in events)
    assert secret not in caplog.text
    with world.store.read() as unit:
        assert not any(secret in one.sealed for one in unit.questions.latest(10))
    assert events[-1]["detail"]["arguments_sha256"] == digest({"amount": 4.25, "note": secret})


def test_text_of_strangers_is_cut_and_made_printable(world):
    world.decide(
        subject={"type": "a\x1b[2J", "id": "x" * 5000},
        action={"name": "\u202e" * 600},
        resource={"type": "r", "id": "1"},
    )
    (event,) = recorded(world)
    assert len(event["detail"]["subject"]) == 256
    assert event["detail"]["subject"].isprintable()
    assert event["detail"]["action"].isprintable()


def test_a_permit_to_change_something_is_on_disk_before_its_answer(world):
    world.registry.grant({**GRANT, "tools": ["refund"]})
    answer = world.decide(**call("refund", arguments={"amount": 4}))
    assert answer["decision"] is True
    names = [event["name"] for event in world.registry.audit() if event["kind"] == "decisions"]
    assert names == [answer["context"]["evaluation_id"]]


class Unwritable(DecisionWorld):
    """Its decisions go to a store that can be broken."""

    @property
    def store(self):
        if not hasattr(self, "broken"):
            self.broken = Broken(self.registry.store)
        return self.broken


@pytest.fixture
def fragile(tmp_path):
    world = Unwritable(tmp_path)
    world.registry.grant(GRANT)
    world.registry.grant({**GRANT, "tools": ["create_issue"]})
    world.current.look()
    world.looks = False
    yield world
    world.broken.broken = False
    world.close()


def test_what_cannot_be_recorded_is_not_permitted(fragile):
    fragile.broken.broken = True
    answer = fragile.ask("evaluation", call("create_issue"))
    assert answer.status_code == 503
    assert "decision" not in answer.text.partition("could not")[0].replace("the decision ", "")
    read = [fragile.ask("evaluation", call("read_file")).status_code for _ in range(2)]
    assert read[-1] == 503  # a write has failed: nothing is decided until one succeeds


def test_what_was_answered_is_recorded_once_the_store_is_back(fragile):
    first = fragile.decide(**call("read_file"))
    fragile.broken.broken = True
    fragile.ask("evaluation", call("create_issue"))
    fragile.broken.broken = False
    assert fragile.decide(**call("create_issue"))["decision"] is True
    names = {event["name"] for event in recorded(fragile)}
    assert first["context"]["evaluation_id"] in names


def test_who_waits_for_a_record_is_told_when_there_is_none(world):
    store = Broken(world.store)
    recorder = Recorder(store, world.sealer)
    question = AccessQuestion(subject=Party("agent", "a"), action="x", resource=Party("r", "1"))
    decided = world.answering  # the types are those of the room
    assert decided is not None
    store.broken = True

    async def write() -> None:
        from leasehold.decisions.answering import decided_on  # noqa: PLC0415

        one = decided_on(question, world.current.look(), world.registry.now)
        object.__setattr__(one, "durable", True)
        await recorder.record(PERMIT, (one,))

    with pytest.raises(Unavailable):
        asyncio.run(write())
    recorder.close()
