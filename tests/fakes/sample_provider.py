"""A provider of things that live in a folder: every feature of the protocol, and no noun of ours.

`SAMPLE_STORE` names the folder: one JSON file per thing and a journal of what was asked. As a program it is a plugin.
"""

from __future__ import annotations

import json
import os
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from leasehold_provider.protocol import (
    UNKNOWN,
    Attribute,
    Block,
    Bool,
    DataSource,
    Diagnostic,
    DiagnosticError,
    Dynamic,
    EphemeralResource,
    Found,
    Function,
    FunctionError,
    IdentityAttribute,
    Key,
    List,
    ListResource,
    Map,
    MoveSource,
    Nested,
    Number,
    Object,
    Parameter,
    Provider,
    Resource,
    Schema,
    Set,
    String,
    is_unknown,
    serve,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from leasehold_provider.protocol import (
        ApplyContext,
        CloseContext,
        ConfigureContext,
        ImportContext,
        ListContext,
        OpenContext,
        PlanContext,
        ReadContext,
        RenewContext,
    )

ADDRESS = "example.com/tests/sample"
Values = dict[str, Any]


class Store:
    """The folder."""

    def __init__(self) -> None:
        self.folder = Path(os.environ.get("SAMPLE_STORE", "."))

    def note(self, event: str) -> None:
        """Write one line to the journal; appending is atomic for short lines."""
        with (self.folder / "journal").open("a", encoding="utf-8") as journal:
            journal.write(event + "\n")

    def save(self, thing: Values) -> None:
        """Write a thing."""
        kept = {name: value for name, value in thing.items() if name != "anything"}  # JSON would lose its types
        (self.folder / f"{thing['id']}.json").write_text(json.dumps(kept), encoding="utf-8")

    def find(self, thing_id: str) -> Values | None:
        """Read a thing."""
        path = self.folder / f"{thing_id}.json"
        found: Values | None = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
        return found

    def remove(self, thing_id: str) -> None:
        """Delete a thing."""
        (self.folder / f"{thing_id}.json").unlink(missing_ok=True)

    def all(self) -> list[Values]:
        """Read all things."""
        return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(self.folder.glob("*.json"))]


def short(value: str) -> str | None:
    """Validate a name."""
    return f"at most 20 characters, not {len(value)}" if len(value) > 20 else None


def no_reserved(labels: Values) -> str | None:
    """Validate labels."""
    for key in labels:
        if key.startswith("sys/"):
            raise DiagnosticError("Reserved label", "Labels may not start with sys/.", (Key(key),))
    return None


def part(**behaviour: Any) -> dict[str, Attribute]:
    """Inner attributes that show every behaviour one level down."""
    return {
        "host": Attribute(String, required=True, **behaviour),
        "port": Attribute(Number, default=80),
        "address": Attribute(String, computed=True, keep_prior=True),
        "seen": Attribute(String, computed=True),
    }


class Thing(Resource):
    """All of it at once."""

    type_name = "sample_thing"
    identity: ClassVar = {"id": IdentityAttribute(String, description="the thing's id")}
    schema = Schema(
        {
            "id": Attribute(String, computed=True, keep_prior=True),
            "name": Attribute(String, required=True, requires_replace=True, validators=[short]),
            "size": Attribute(Number, default=1),
            "ratio": Attribute(Number, optional=True),
            "kind": Attribute(String, optional=True, computed=True, keep_prior=True),
            "tags": Attribute(Set(String), optional=True),
            "labels": Attribute(Map(String), optional=True, validators=[no_reserved]),
            "ports": Attribute(List(Number), optional=True),
            "shape": Attribute(Object({"x": Number, "y": Number}), optional=True),
            "anything": Attribute(Dynamic, optional=True),
            "secret": Attribute(String, optional=True, sensitive=True),
            "password_wo": Attribute(String, optional=True, write_only=True, sensitive=True),
            "password_version": Attribute(Number, optional=True),
            "stamp": Attribute(String, computed=True),
            "fail": Attribute(String, optional=True),
            "delay": Attribute(Number, optional=True),
            "one": Nested(part(requires_replace=True), "single", optional=True),
            "row": Nested(part(requires_replace=True), "list", optional=True),
            "bag": Nested(part(requires_replace=True), "set", optional=True),
            "dict": Nested(
                {**part(requires_replace=True), "key_wo": Attribute(String, optional=True, write_only=True)},
                "map",
                optional=True,
            ),
        },
        version=2,
        description="A thing in a folder.",
        blocks={
            "rule": Block({"port": Attribute(Number, required=True), "open": Attribute(Bool, default=True)}, "list")
        },
    )

    def __init__(self, store: Store) -> None:
        self.store = store

    def validate(self, config: Values) -> Iterable[Diagnostic]:
        if config["password_wo"] is not None and config["password_version"] is None:
            yield Diagnostic.error("Missing version", "Set password_version beside password_wo.", ("password_wo",))

    def plan(self, ctx: PlanContext) -> None:
        self.store.note("plan")
        if ctx.destroying:
            ctx.warn("Going away", "A thing is about to be destroyed.")
        if ctx.planned is not None and ctx.planned["fail"] == "plan":
            ctx.error("Planned failure", "asked for", ("fail",))
        if ctx.changing and ctx.prior is not None and ctx.planned is not None and ctx.planned["size"] == 99:
            ctx.replace_because("size")

    def create(self, ctx: ApplyContext) -> Values:
        thing_id = f"thing-{ctx.planned['name']}"
        state = self._complete(ctx, thing_id)
        self.store.save({**state, "password_length": len(ctx.config["password_wo"] or "")})
        ctx.private["made"] = "by create"
        self.store.note(f"created {thing_id}")
        if ctx.planned["delay"]:
            self._wait(ctx, float(ctx.planned["delay"]))
        if ctx.planned["fail"] == "half":
            ctx.keep(state)
            raise DiagnosticError("Half done", "the thing exists, the rest failed", ("fail",))
        if ctx.planned["fail"] == "create":
            raise ValueError(f"hunter2 {ctx.planned['secret']}")
        return state

    def _wait(self, ctx: ApplyContext, seconds: float) -> None:
        self.store.note("waiting")
        for _ in range(int(seconds * 20)):
            if ctx.stopping:
                self.store.note("told to stop")
                return
            time.sleep(0.05)

    def update(self, ctx: ApplyContext) -> Values:
        if ctx.planned["fail"] == "update":
            raise DiagnosticError("Refused", "asked for", ("fail",))
        self.store.note(f"updated {ctx.prior['id']} private={json.dumps(ctx.private)}")
        state = self._complete(ctx, ctx.prior["id"])
        self.store.save({**state, "password_length": len(ctx.config["password_wo"] or "")})
        return state

    def read(self, ctx: ReadContext) -> Values | None:
        found = self.store.find(ctx.state["id"])
        if found is None:
            return None
        state = {name: found.get(name) for name in self.schema.type.attributes}
        return {**state, "anything": ctx.state["anything"]}

    def delete(self, ctx: ApplyContext) -> None:
        if ctx.prior["fail"] == "delete":
            raise DiagnosticError("Refused", "asked for", ("fail",))
        self.store.remove(ctx.prior["id"])
        self.store.note(f"deleted {ctx.prior['id']}")

    def import_state(self, ctx: ImportContext) -> Values:
        thing_id = ctx.identity["id"] if ctx.identity is not None else ctx.id
        if self.store.find(thing_id) is None:
            raise DiagnosticError("No such thing", f"There is no {thing_id}.")
        return {"id": thing_id}

    def upgrade_state(self, version: int, raw: Values) -> Values:
        if version < 2:
            raw["name"] = raw.pop("title")
        return raw

    def move_state(self, source: MoveSource) -> Values | None:
        if source.type_name != "terraform_data":
            return None
        return {"id": source.state["input"]["value"], "name": "moved"}

    def _complete(self, ctx: ApplyContext, thing_id: str) -> Values:
        """Fill in what is still unknown."""
        state = {name: value for name, value in ctx.planned.items() if name != "anything"}
        state = _known(state, thing_id)
        state.update(id=thing_id, stamp=datetime.now(timezone.utc).isoformat())  # noqa: UP017 -- Python 3.9
        state["kind"] = "plain" if is_unknown(ctx.planned["kind"]) else ctx.planned["kind"]
        return {**state, "anything": ctx.planned["anything"]}


def _known(value: Any, default: str) -> Any:
    if is_unknown(value):
        return default
    if isinstance(value, dict):
        return {name: _known(item, default) for name, item in value.items()}
    return [_known(item, default) for item in value] if isinstance(value, list) else value


class ThingData(DataSource):
    """Looks a thing up."""

    type_name = "sample_thing"
    schema = Schema({"id": Attribute(String, required=True), "name": Attribute(String, computed=True)})

    def __init__(self, store: Store) -> None:
        self.store = store

    def read(self, ctx: ReadContext) -> Values:
        found = self.store.find(ctx.config["id"])
        if found is None:
            raise DiagnosticError("No such thing", f"There is no {ctx.config['id']}.", ("id",))
        ctx.warn("Looked", "A thing was looked up.")
        return {"id": ctx.config["id"], "name": found["name"]}


class Ticket(EphemeralResource):
    """Something that must be given back."""

    type_name = "sample_ticket"
    schema = Schema(
        {
            "holder": Attribute(String, required=True),
            "lifetime": Attribute(Number, optional=True),
            "code": Attribute(String, computed=True, sensitive=True),
        }
    )

    def __init__(self, store: Store) -> None:
        self.store = store

    def open(self, ctx: OpenContext) -> tuple[Values, datetime | None]:
        ticket = os.urandom(4).hex()
        ctx.private["ticket"] = ticket
        self.store.note(f"opened {ticket}")
        if ctx.config["holder"] == "nobody":
            raise DiagnosticError("No holder", "Nobody may hold a ticket.", ("holder",))
        return {**ctx.config, "code": f"code-{ticket}"}, self._renewal(ctx.config["lifetime"])

    @staticmethod
    def _renewal(lifetime: float | None) -> datetime | None:
        now = datetime.now(timezone.utc)  # noqa: UP017 -- Python 3.9
        return now + timedelta(seconds=lifetime) if lifetime else None

    def renew(self, ctx: RenewContext) -> datetime | None:
        self.store.note(f"renewed {ctx.private['ticket']}")
        ctx.private["renewals"] = ctx.private.get("renewals", 0) + 1
        return self._renewal(0.5)

    def close(self, ctx: CloseContext) -> None:
        self.store.note(f"closed {ctx.private['ticket']}")


class Join(Function):
    """Variadic, with an error about one argument."""

    name = "join"
    summary = "Join words."
    parameters = (Parameter("separator", String), Parameter("options", Map(String), allow_null=True))
    variadic = Parameter("words", String)
    returns = String

    def call(self, *arguments: Any) -> Any:
        separator, options, *words = arguments
        for index, word in enumerate(words):
            if separator in word:
                raise FunctionError(f"must not contain {separator!r}", index + 2)
        return (options or {}).get("prefix", "") + separator.join(words)


class Things(ListResource):
    """Finds things."""

    type_name = "sample_thing"
    schema = Schema({"prefix": Attribute(String, optional=True)})

    def __init__(self, store: Store) -> None:
        self.store = store

    def list(self, ctx: ListContext) -> Iterator[Found]:
        prefix = ctx.config["prefix"] or ""
        self.store.note(f"listing limit={ctx.limit} include={ctx.include_resource}")
        for thing in self.store.all():
            if thing["name"].startswith(prefix):
                state = {name: thing.get(name) for name in Thing.schema.type.attributes}
                yield Found({"id": thing["id"]}, f"Thing {thing['name']}", state)


class SampleProvider(Provider):
    """The sample."""

    schema = Schema(
        {"greeting": Attribute(String, optional=True), "token": Attribute(String, optional=True, sensitive=True)}
    )

    def __init__(self) -> None:
        self.store = Store()
        self.resources = (Thing(self.store),)
        self.data_sources = (ThingData(self.store),)
        self.ephemeral_resources = (Ticket(self.store),)
        self.functions = (Join(),)
        self.list_resources = (Things(self.store),)

    def configure(self, ctx: ConfigureContext) -> None:
        if ctx.config["greeting"] == "refuse":
            ctx.error("Not welcome", "asked for", ("greeting",))
        self.store.note(f"configured {'unknown' if ctx.config['greeting'] is UNKNOWN else 'known'}")

    def stop(self) -> None:
        self.store.note("stop")

    def close(self) -> None:
        self.store.note("end")


if __name__ == "__main__":
    sys.path[:] = [entry for entry in sys.path if entry]
    serve(SampleProvider, ADDRESS)
