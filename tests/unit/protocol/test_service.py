"""The provider service without a socket: messages in, messages out, whatever provider code does."""

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.fakes.obedient_resource import ObedientResource
from tests.fakes.sample_provider import SampleProvider, Thing

from leasehold_provider.protocol import (
    ApplyContext,
    Attribute,
    CloseContext,
    DiagnosticError,
    EphemeralResource,
    Found,
    IdentityAttribute,
    ListContext,
    ListResource,
    OpenContext,
    Provider,
    ReadContext,
    RenewContext,
    Schema,
    String,
)
from leasehold_provider.protocol.grpc.server import HeldMethod, Method, StreamingMethod
from leasehold_provider.protocol.service.leftovers import Leftovers
from leasehold_provider.protocol.service.methods import provider_methods
from leasehold_provider.protocol.service.run import Run
from leasehold_provider.protocol.wire.protobuf import decode, encode


class Service:
    """The methods of a provider, called by name."""

    def __init__(self, provider: Provider) -> None:
        self.leftovers = Leftovers()
        self.ended: list[bool] = []
        self.methods = provider_methods(Run(provider), self.leftovers, lambda: self.ended.append(True))

    def __call__(self, name: str, /, **request: Any) -> dict[str, Any]:
        method = self.methods[f"/tfplugin6.Provider/{name}".encode()]
        assert isinstance(method, Method)
        return decode(f"{name}.Response", method.call(encode(f"{name}.Request", request)))


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    """Serve the sample provider."""
    monkeypatch.setenv("SAMPLE_STORE", str(tmp_path))
    return Service(SampleProvider())


def thing(**values: Any) -> dict[str, bytes]:
    """Write a thing as Terraform sends it."""
    return {"msgpack": Thing.schema.type.pack({"rule": [], **values})}


def summaries(answer: dict[str, Any]) -> list[str]:
    """Return what the user would read."""
    return [item["summary"] for item in answer.get("diagnostics", [])]


def test_write_only_values_are_refused_only_where_they_would_be_stored(service: Service) -> None:
    used = thing(name="a", password_wo="p", password_version=1, dict={"k": {"host": "h", "key_wo": "p"}})
    answer = service("ValidateResourceConfig", type_name="sample_thing", config=used)
    assert summaries(answer) == ["Write-only attribute not supported"] * 2
    assert answer["diagnostics"][1]["attribute"]["steps"] == [
        {"attribute_name": "dict"},
        {"element_key_string": "k"},
        {"attribute_name": "key_wo"},
    ]
    capable = {"write_only_attributes_allowed": True}
    assert service("ValidateResourceConfig", type_name="sample_thing", config=used, client_capabilities=capable) == {}
    assert service("ValidateResourceConfig", type_name="sample_thing", config=thing(name="a")) == {}


def test_a_state_that_does_not_fit_its_schema_keeps_what_fits(capfd: pytest.CaptureFixture[str]) -> None:
    class Careless(ObedientResource):
        type_name = "careless"
        schema = Schema({"id": Attribute(String, computed=True), "name": Attribute(String, required=True)})

        def create(self, ctx: ApplyContext) -> dict[str, Any]:
            del ctx
            return {"id": "only-one", "name": 5, "more": "hunter2"}

    provider = Provider()
    provider.resources = (Careless(),)
    planned = {"msgpack": Careless.schema.type.pack({"name": "n"})}
    answer = Service(provider)("ApplyResourceChange", type_name="careless", planned_state=planned, config=planned)
    assert Careless.schema.type.unpack(answer["new_state"]["msgpack"]) == {"id": "only-one", "name": None}
    assert summaries(answer) == ["Invalid state from the provider"]
    assert "hunter2" not in json.dumps(answer, default=str)


def test_an_unexpected_exception_is_logged_by_type_and_place_alone(capfd: pytest.CaptureFixture[str]) -> None:
    class Broken(ObedientResource):
        type_name = "broken"
        schema = Schema({"id": Attribute(String, computed=True)})

        def read(self, ctx: ReadContext) -> dict[str, Any]:
            del ctx
            raise RuntimeError("hunter2")

    provider = Provider()
    provider.resources = (Broken(),)
    state = {"msgpack": Broken.schema.type.pack({"id": "x"})}
    answer = Service(provider)("ReadResource", type_name="broken", current_state=state)
    assert summaries(answer) == ["Internal error in the provider"]
    line = json.loads(capfd.readouterr().err)
    assert (line["@level"], line["@message"]) == ("error", "ReadResource failed: RuntimeError")
    assert "hunter2" not in json.dumps([line, answer], default=str)
    assert any("read" in place for place in line["where"])


def test_a_type_of_another_version_is_a_diagnostic(service: Service) -> None:
    answer = service("ReadResource", type_name="sample_gone")
    assert answer["diagnostics"][0]["detail"] == "This version of the provider has no sample_gone."


def test_a_state_from_the_future_is_refused(service: Service) -> None:
    answer = service("UpgradeResourceState", type_name="sample_thing", version=3, raw_state={"json": b"{}"})
    assert summaries(answer) == ["State from a newer provider"]
    for raw in (b"[]", b"{", b"", b"[" * 100_000):
        answer = service("UpgradeResourceState", type_name="sample_thing", version=2, raw_state={"json": raw})
        assert summaries(answer) == ["Malformed state"]


def test_stored_json_keeps_every_digit(service: Service) -> None:
    raw = json.dumps({"name": "a", "rule": []})[:-1] + ', "ratio": 0.1000000000000000055511151231257827}'
    answer = service("UpgradeResourceState", type_name="sample_thing", version=2, raw_state={"json": raw.encode()})
    assert b"0.1000000000000000055511151231257827" in answer["upgraded_state"]["msgpack"]


def test_private_bytes_that_nobody_touched_come_back_as_they_were(service: Service, tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(json.dumps({"id": "t", "name": "a", "size": 1, "rule": []}))
    answer = service("ReadResource", type_name="sample_thing", current_state=thing(id="t"), private=b"not json")
    assert answer["private"] == b"not json"
    assert answer["new_identity"]["identity_data"]["msgpack"] == b"\x81\xa2id\xa1t"


def test_old_identities_are_upgraded(service: Service) -> None:
    answer = service("UpgradeResourceIdentity", type_name="sample_thing", raw_identity={"json": b'{"id": "t"}'})
    assert answer["upgraded_identity"]["identity_data"]["msgpack"] == b"\x81\xa2id\xa1t"
    schemas = service("GetResourceIdentitySchemas")["identity_schemas"]
    assert schemas["sample_thing"]["identity_attributes"][0]["required_for_import"]


def test_a_function_objects_to_the_number_and_shape_of_its_arguments(service: Service) -> None:
    assert "takes 2 arguments" in service("CallFunction", name="join", arguments=[])["error"]["text"]
    wrong = [{"msgpack": b"\x01"}, {"msgpack": b"\xc0"}]
    assert service("CallFunction", name="join", arguments=wrong)["error"] == {
        "text": "expected a string",
        "function_argument": 0,
    }
    assert service("CallFunction", name="gone")["error"]["text"] == "Unknown type"


def test_metadata_names_everything(service: Service) -> None:
    answer = service("GetMetadata")
    assert answer["resources"] == answer["data_sources"] == answer["list_resources"] == [{"type_name": "sample_thing"}]
    assert answer["server_capabilities"]["move_resource_state"]
    assert service("GetFunctions")["functions"].keys() == {"join"}


def test_stop_and_shutdown_reach_those_who_wait(service: Service, tmp_path: Path) -> None:
    assert service("StopProvider") == {}
    assert (tmp_path / "journal").read_text() == "stop\n"
    shutdown = service.methods[b"/plugin.GRPCController/Shutdown"]
    assert isinstance(shutdown, Method)
    assert shutdown.call(b"") == b""
    assert service.ended == [True]
    assert isinstance(service.methods[b"/plugin.GRPCStdio/StreamStdio"], HeldMethod)


def test_a_failing_list_ends_with_its_complaint(service: Service) -> None:
    listing = service.methods[b"/tfplugin6.Provider/ListResource"]
    assert isinstance(listing, StreamingMethod)
    (event,) = listing.call(encode("ListResource.Request", {"type_name": "sample_gone"}))
    assert summaries({"diagnostics": decode("ListResource.Event", event)["diagnostic"]}) == ["Unknown type"]


def test_a_list_without_an_identity_to_list_is_refused_at_the_start() -> None:
    class Homeless(ListResource):
        type_name = "nowhere"

        def list(self, ctx: ListContext) -> Iterable[Found]:
            del ctx
            return ()

    provider = Provider()
    provider.list_resources = (Homeless(),)
    with pytest.raises(ValueError, match="nowhere"):
        Run(provider)
    provider.list_resources = ()
    provider.resources = (Thing.__new__(Thing), Thing.__new__(Thing))
    with pytest.raises(ValueError, match="sample_thing"):
        Run(provider)
    assert isinstance(Thing.identity["id"], IdentityAttribute)


class Lock(EphemeralResource):
    """Rotates its private bytes at every renewal."""

    type_name = "lock"
    schema = Schema({"mode": Attribute(String, required=True)})

    def __init__(self) -> None:
        self.closed: list[int] = []
        self.refuse = False

    def open(self, ctx: OpenContext) -> tuple[dict[str, Any], datetime | None]:
        if ctx.config["mode"] != "empty":
            ctx.private["round"] = 1
        if ctx.config["mode"] == "complain":
            ctx.error("No", "asked for")
        return dict(ctx.config), None

    def renew(self, ctx: RenewContext) -> datetime | None:
        ctx.private["round"] += 1
        return None

    def close(self, ctx: CloseContext) -> None:
        if self.refuse:
            raise DiagnosticError("Busy")
        self.closed.append(ctx.private["round"])


@pytest.fixture
def lock() -> Lock:
    return Lock()


@pytest.fixture
def locks(lock: Lock) -> Service:
    provider = Provider()
    provider.ephemeral_resources = (lock,)
    return Service(provider)


def open_lock(locks: Service, mode: str = "good") -> dict[str, Any]:
    """Open a lock."""
    config = {"msgpack": Lock.schema.type.pack({"mode": mode})}
    return locks("OpenEphemeralResource", type_name="lock", config=config)


def test_an_object_is_closed_by_its_latest_private_bytes_whatever_terraform_sends(lock: Lock, locks: Service) -> None:
    private = open_lock(locks)["private"]
    locks("RenewEphemeralResource", type_name="lock", private=private)
    locks("RenewEphemeralResource", type_name="lock", private=private)
    locks("CloseEphemeralResource", type_name="lock", private=private)
    assert lock.closed == [3]
    assert locks.leftovers.close_all(1) == 0
    assert lock.closed == [3]


def test_what_terraform_forgot_is_closed_once(lock: Lock, locks: Service) -> None:
    private = open_lock(locks)["private"]
    locks("RenewEphemeralResource", type_name="lock", private=private)
    assert locks.leftovers.close_all(5) == 0
    assert locks.leftovers.close_all(5) == 0
    assert lock.closed == [2]


def test_a_close_that_failed_is_tried_again_at_the_end(lock: Lock, locks: Service) -> None:
    private = open_lock(locks)["private"]
    lock.refuse = True
    assert summaries(locks("CloseEphemeralResource", type_name="lock", private=private)) == ["Busy"]
    lock.refuse = False
    locks.leftovers.close_all(5)
    assert lock.closed == [1]


def test_an_open_with_errors_is_undone_and_an_empty_one_is_not_remembered(lock: Lock, locks: Service) -> None:
    assert summaries(open_lock(locks, "complain")) == ["No"]
    assert lock.closed == [1]
    open_lock(locks, "empty")
    assert locks.leftovers.close_all(1) == 0
    assert lock.closed == [1]


def test_an_open_that_never_ends_does_not_hold_up_the_end() -> None:
    leftovers = Leftovers()
    leftovers.begin()
    assert leftovers.close_all(0.05) == 1
    leftovers.finish()
    assert leftovers.close_all(0.05) == 0


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_message_to_any_method_is_answered(service: Service, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(service.methods)))
    method = service.methods[path]
    garbage = data.draw(
        st.binary(max_size=60) | st.binary(max_size=40).map(lambda tail: b"\x0a\x0csample_thing" + tail)
    )
    if isinstance(method, Method):
        assert isinstance(method.call(garbage), bytes)
