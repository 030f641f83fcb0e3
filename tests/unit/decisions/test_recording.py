"""Every decision is on record with both sides, and nothing that was said by value; nothing is decided unrecorded."""

import asyncio
import json

import pytest
from tests.fakes.decision_point import DecisionWorld, call
from tests.fakes.registry import GRANT, USER
from tests.fakes.serving import wait_until
from tests.unit.decisions.test_current import Broken

from leasehold.decisions.inputs import canonical
from leasehold.decisions.questions import AccessQuestion, Party
from leasehold.decisions.recording import Recorder
from leasehold.model.errors import NotFound, Unavailable
from leasehold.model.external import StillLive
from leasehold.model.principal import Principal, Role
from leasehold.policy.platform import PlatformAction, decide_platform
from leasehold.scan.checksums import base62_crc

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
    arguments = canonical({"amount": 4.25, "note": secret})
    assert events[-1]["detail"]["arguments_digest"] == world.vault.digest("agent:triage", arguments)


def test_inputs_are_shut_away_without_secrets_and_erased_with_their_subject(world):
    world.registry.grant({**GRANT, "tools": ["refund"]})
    drawn = b"16C7e42F292c6912E7710c838347Ae"
    key = f"ghp_{(drawn + base62_crc(drawn)).decode()}"
    world.decide(**call("refund", arguments={"amount": 4, "note": f"for ann, with {key}"}))
    (event,) = recorded(world)
    content, digest = event["content"], event["detail"]["arguments_digest"]
    admin = decide_platform(Principal(id="oidc:admin", role=Role.SECURITY_ADMIN), PlatformAction.READ_AUDIT, "x")
    shut = json.loads(world.vault.read(admin, content["sealed"], world.registry.now)[0])
    assert shut["arguments"]["amount"] == 4
    assert "for ann, with " in shut["arguments"]["note"]
    assert key not in str(shut)
    assert content["subject"] == "agent:triage"
    whole = canonical({"amount": 4, "note": f"for ann, with {key}"})
    assert digest == world.vault.digest("agent:triage", whole)
    world.vault.erase(admin, "agent:triage", "asked to", world.registry.now)
    assert digest != world.vault.digest("agent:triage", whole)  # nobody can compare with it any more
    with pytest.raises(NotFound):
        world.vault.read(admin, content["sealed"], world.registry.now)
    with world.store.read() as unit:
        question = unit.questions.find(event["name"])
    with pytest.raises(StillLive):  # nor is the question asked again
        world.vault.unseal(question.sealed, question.id)


def test_a_question_is_opened_as_the_one_that_it_was_alone(world):
    world.decide(**call("read_file"))
    recorded(world)
    with world.store.read() as unit:
        (question,) = unit.questions.latest(1)
    assert "read_file" in world.vault.unseal(question.sealed, question.id)
    for sealed, about in (
        (question.sealed, "another"),
        ("nonsense", question.id),
        (f"{question.sealed}x", question.id),
    ):
        with pytest.raises(StillLive):
            world.vault.unseal(sealed, about)


def test_long_inputs_are_cut_and_digested_whole(world):
    long = {"amount": 4, "note": "x" * 9000}
    world.registry.grant({**GRANT, "tools": ["refund"]})
    world.decide(**call("refund", arguments=long))
    (event,) = recorded(world)
    admin = decide_platform(Principal(id="oidc:admin", role=Role.SECURITY_ADMIN), PlatformAction.READ_AUDIT, "x")
    shut = json.loads(world.vault.read(admin, event["content"]["sealed"], world.registry.now)[0])
    assert len(shut["arguments_cut"]) == 4096
    assert event["detail"]["arguments_digest"] == world.vault.digest("agent:triage", canonical(long))


def test_strangers_make_no_keys_up(world):
    for number in range(5):
        world.decide(subject={"type": "agent", "id": f"ghost-{number}"}, action={"name": "github/read_file"},
                     resource={"type": "repo", "id": "web"})  # fmt: skip
    assert len({event["name"] for event in recorded(world)}) == 5
    with world.store.read() as unit:
        assert unit.keeping.find_key("strangers") is not None
        assert unit.keeping.find_key("agent:ghost-0") is None


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


def test_reads_go_on_once_the_store_is_back_though_nobody_writes(fragile):
    fragile.broken.broken = True
    assert fragile.ask("evaluation", call("create_issue")).status_code == 503
    fragile.broken.broken = False
    wait_until(lambda: fragile.ask("evaluation", call("read_file")).status_code == 200)


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
    recorder = Recorder(store, world.vault)
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
