"""All of a stack's Leasehold resources in one CDK element, and the construct that every noun of ours is.

Each attribute of an ordinary CDK resource is a round trip to the Node.js process. Here a resource is a Python dict, and
the whole stack crosses over once, at synth. What it costs: Aspects see our constructs but not single resources, and
`--hcl` is refused (see `Collector.to_hcl_terraform`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn
from weakref import WeakKeyDictionary

from leasehold_cdktf._cdk import Construct, cdk
from leasehold_cdktf.names import check_name, local_name

Attributes = Mapping[str, Any]  # Any: what the Terraform schema of each resource asks for

# What is judged by others that it does not refer to, and stands after them.
_WORLD = ("leasehold_tool_server", "leasehold_user", "leasehold_resource", "leasehold_relation")
_ORDER = {"leasehold_grant": ("leasehold_ceiling",), "leasehold_policy": _WORLD}
GATE = "leasehold_gate"
_NO_HCL = (
    "leasehold_cdktf cannot be rendered as HCL: the CDK's HCL writer takes one resource from an element, and guesses "
    "types, so numeric ids and JSON keys would come out wrong. Run `cdktf synth` without `--hcl`: Terraform reads the "
    "JSON just as well. To write HCL by hand, start from examples/terraform"
)


class Collector(cdk.TerraformElement):
    """The Leasehold resources of one stack, by type and local name."""

    def __init__(self, stack: cdk.TerraformStack) -> None:
        super().__init__(stack, "leasehold-resources")
        self.stack = stack
        self.endpoint: str | None = None
        self.has_provider = False
        self.resources: dict[str, dict[str, dict[str, Any]]] = {}
        self._before: set[int] = set()

    def add(self, kind: str, local: str, attributes: Attributes, depends_on: Iterable[str] = ()) -> None:
        """Declare a resource; None leaves an attribute out.

        Raises:
            ValueError: something else of this kind has the same name already.
        """
        body = {key: value for key, value in attributes.items() if value is not None}
        if addresses := sorted(depends_on):
            body["depends_on"] = addresses
        known = self.resources.setdefault(kind, {}).setdefault(local, body)
        if known is not body:
            raise ValueError(f"`{kind}.{local}` is declared twice in this stack: give one of the two another name")

    def add_once(self, kind: str, local: str, attributes: Attributes) -> None:
        """Declare a resource that may be declared again with the very same attributes.

        Raises:
            ValueError: it is there with other attributes.
        """
        known = self.resources.get(kind, {}).get(local)
        if known != {key: value for key, value in attributes.items() if value is not None}:
            self.add(kind, local, attributes)

    def follow(self, other: Collector) -> None:
        """Let `cdktf deploy` finish the other stack first, because this one names things of it."""
        if id(other) not in self._before:
            self._before.add(id(other))
            self.stack.add_dependency(other.stack)

    def to_terraform(self) -> dict[str, Any]:
        """The stack's `resource` blocks, each after what it builds on without naming it.

        A ceiling stands before the grants that it bounds, a server before policies, a gate after all.

        Raises:
            ValueError: the stack has no provider of ours, and Terraform would look for `hashicorp/leasehold`.
        """
        if self.resources and not self.has_provider:
            raise ValueError(
                f'stack `{self.stack.node.id}` has no provider: declare LeaseholdProvider(self, "leasehold", …) in it'
            )
        resources = dict(self.resources)
        for kind, before in _ORDER.items():
            first = [
                f"{kind_before}.{local}" for kind_before in before for local in self.resources.get(kind_before, {})
            ]
            if first and kind in resources:
                resources[kind] = {
                    local: body | {"depends_on": sorted({*body.get("depends_on", ()), *first})}
                    for local, body in resources[kind].items()
                }
        if GATE in resources:
            every = sorted(
                f"{kind}.{local}" for kind, bodies in self.resources.items() if kind != GATE for local in bodies
            )
            resources[GATE] = {local: {"depends_on": every} for local in resources[GATE]}
        return {"resource": resources}

    def to_hcl_terraform(self) -> NoReturn:
        """Refuse `--hcl`: the CDK would drop all but the first resource without a word.

        Raises:
            RuntimeError: always; the message says what to do instead.
        """
        raise RuntimeError(_NO_HCL)


_collectors: WeakKeyDictionary[cdk.TerraformStack, Collector] = WeakKeyDictionary()


def collector_of(scope: Construct) -> Collector:
    """The collector of the stack that `scope` is or lies in, made on first use."""
    stack = scope if isinstance(scope, cdk.TerraformStack) else cdk.TerraformStack.of(scope)
    found = _collectors.get(stack)
    if found is None:
        found = _collectors[stack] = Collector(stack)
    return found


class Entry:
    """A noun of the registry, declared in a stack under a name that is unique among its kind."""

    KIND = ""  # the Terraform resource type, set by each noun

    def __init__(self, collector: Collector, name: str) -> None:
        self.collector = collector
        """Where this noun was declared, and where what belongs to it goes."""
        self.name = check_name(name, "name")
        """The name in the registry."""
        self.settled_by: tuple[str, ...] = ()
        """Addresses that must stand too before anything builds on this noun."""

    @property
    def fqn(self) -> str:
        """The Terraform address, such as `leasehold_agent.triage`, for a `depends_on` of your own."""
        return f"{self.KIND}.{local_name(self.name)}"

    def declare(self, attributes: Attributes, depends_on: Iterable[str] = ()) -> None:
        """Declare the resource behind this noun; None leaves an attribute out.

        Raises:
            ValueError: this stack declares the name already.
        """
        self.collector.add(self.KIND, local_name(self.name), {"name": self.name, **attributes}, depends_on)


class Declared(Entry, Construct):
    """An entry with a place of its own in the construct tree. Its name is the construct's id unless given."""

    def __init__(self, scope: Construct, id_: str, name: str | None) -> None:
        Construct.__init__(self, scope, id_)
        Entry.__init__(self, collector_of(scope), id_ if name is None else name)


def refer(thing: Entry | str, user: Collector) -> str:
    """How a resource of `user`'s stack names `thing`.

    In the same stack by a Terraform reference, which orders the two; in another stack by its plain name, and that stack
    is deployed first. A string is the name of something declared elsewhere.
    """
    if isinstance(thing, str):
        return check_name(thing, "name")
    if thing.collector is user:
        return f"${{{thing.fqn}.name}}"
    user.follow(thing.collector)
    return thing.name
