"""`POST /v1/trust-issuers:simulate` at the door: who may ask, and that nothing of the token comes back."""

import asyncio

import httpx
import pytest
from tests.fakes.authenticator import FakeAuthenticator
from tests.fakes.exchange_world import World, world_on
from tests.fakes.registry import RegistryClient

from leasehold.exchange.simulation import Simulation
from leasehold.keys.examination import SubjectExamination
from leasehold.keys.tokens import SubjectTokens
from leasehold.store.memory.store import MemoryStore
from leasehold.web.control_plane import control_plane
from leasehold.web.doors import Doors

PATH = "/v1/trust-issuers:simulate"


@pytest.fixture
def world(tmp_path):
    """A token service on a store in memory."""
    with world_on(MemoryStore(), tmp_path) as world:
        yield world


def ask(world: World, body: object, caller: str | None = "admin", **request) -> httpx.Response:
    examiner = SubjectExamination(SubjectTokens(world.issuer_keys), world.issuer_keys)
    doors = Doors(
        store=world.store,
        authenticator=FakeAuthenticator(),
        clock=lambda: world.now,
        simulator=Simulation(examiner, world.views),
    )

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=control_plane(doors))
        headers = {"Authorization": f"Bearer {caller}"} if caller is not None else {}
        async with httpx.AsyncClient(transport=transport, base_url="http://registry") as client:
            return await client.post(PATH, json=body, headers=headers, **request)

    return asyncio.run(send())


def test_the_anonymous_caller_is_refused(world):
    assert ask(world, {"token": world.pod_token()}, caller=None).status_code == 401


def test_a_viewer_is_refused_and_it_is_on_record(world):
    answer = ask(world, {"token": world.pod_token()}, caller="viewer")

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert world.events()[0].action == "simulate"


def test_the_answer_tells_the_binding_and_nothing_of_the_token(world):
    token = world.pod_token()
    answer = ask(world, {"token": f"{token}\n"})

    assert answer.status_code == 200
    assert [(one["name"], one["matches"]) for one in answer.json()["bindings"]] == [("triage-pods", True)]
    assert not any(part in answer.text for part in token.split("."))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"token": ""},
        {"token": "secret-" + "x" * 17_000},
        {"token": 1},
        {"token": "secret-x", "more": 1},
        {"token": None},
    ],
    ids=lambda body: repr(body)[:40],
)
def test_a_wrong_body_is_refused_without_repeating_it(world, body):
    answer = ask(world, body)

    assert answer.status_code == 422
    assert "secret-" not in answer.text


def test_a_control_plane_without_a_token_service_says_so():
    answer = RegistryClient().send("POST", PATH, json={"token": "x"})

    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
