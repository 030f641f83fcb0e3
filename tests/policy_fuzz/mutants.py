"""Deliberate mistakes in our engine and index, each in a copy beside the real thing. The fuzzer must find all."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import ModuleType, SimpleNamespace

import leasehold.policy.cedar

PACKAGE = "leasehold.policy.cedar"
POLICY = "leasehold.policy"
DECIDING = ("directory", "relating", "asking", "deciding")
"""What makes a decision of a registry, a login and policies; beside `engines`, whose copies are the cedar mutants'."""
MODULES = (
    *("values", "naming", "shapes", "mapping", "known", "statements", "evaluation", "index", "reading"),
    *("contexts", "operations", "cedar_engine", "compiler", "fusing", "engines"),
)
_HOME = Path(leasehold.policy.cedar.__file__).parent
_copies = count()


@dataclass(frozen=True, slots=True)
class Mutant:
    """In one module, one passage replaced by another. The passage must be there exactly once."""

    name: str
    module: str
    before: str
    after: str
    engine: str = "compiled"


def the_real_ones() -> SimpleNamespace:
    """The modules as they are."""
    return SimpleNamespace(**{name: importlib.import_module(f"{PACKAGE}.{name}") for name in MODULES})


def planted(mutant: Mutant) -> SimpleNamespace:
    """Copies of all modules, with the mistake in one. Nothing of the real ones is touched."""
    package = f"mutant_{next(_copies)}"
    sys.modules[package] = ModuleType(package)
    try:
        copies = {name: _copy(package, name, mutant) for name in MODULES}
    finally:
        for name in [one for one in sys.modules if one.partition(".")[0] == package]:
            del sys.modules[name]
    return SimpleNamespace(**copies)


def the_deciding_ones() -> SimpleNamespace:
    """The modules that make a decision, as they are."""
    found = {name: importlib.import_module(f"{POLICY}.{name}") for name in DECIDING}
    return SimpleNamespace(**found, engines=importlib.import_module(f"{PACKAGE}.engines"))


def planted_in_deciding(mutant: Mutant) -> SimpleNamespace:
    """The same, copied, with the mistake in one."""
    package = f"mutant_{next(_copies)}"
    sys.modules[package] = ModuleType(package)
    try:
        copies = {name: _copy(package, name, mutant, _HOME.parent, DECIDING) for name in DECIDING}
    finally:
        for name in [one for one in sys.modules if one.partition(".")[0] == package]:
            del sys.modules[name]
    return SimpleNamespace(**copies, engines=importlib.import_module(f"{PACKAGE}.engines"))


def _copy(package: str, name: str, mutant: Mutant, home: Path = _HOME, others: tuple[str, ...] = MODULES) -> ModuleType:
    source = (home / f"{name}.py").read_text()
    if name == mutant.module:
        if source.count(mutant.before) != 1:
            raise LookupError(f"{mutant.name}: the passage is there {source.count(mutant.before)} times")
        source = source.replace(mutant.before, mutant.after)
    module = ModuleType(f"{package}.{name}")
    sys.modules[module.__name__] = module
    inside = PACKAGE if others is MODULES else POLICY
    for other in others:  # each copy knows the other copies, and the real ones of all else
        source = source.replace(f"from {inside}.{other} import", f"from {package}.{other} import")
    exec(compile(source, f"<{package}.{name}>", "exec"), module.__dict__)  # noqa: S102  our own
    setattr(sys.modules[package], name, module)
    return module


DECIDING_MUTANTS = (
    Mutant("groups of a login are ignored", "asking", "if standing is None or not user.parents:", "if True:"),
    Mutant("the agent's side does not see them", "asking", "if user is None or not user.parents or ", "if True or "),
    Mutant(
        "what a group of a login is in is forgotten", "asking", "union(user.parents, *above)", "union(user.parents)"
    ),
    Mutant(
        "a person by themselves brings groups",
        "deciding",
        "return (_side(_USERS, users[ref[1]], question,",
        "return (_side(_USERS, user_standing(request.subject, question.desk, question.published), question,",
    ),
    Mutant("relations to people are not looked up", "asking", "if not question.published.to_people or", "if True or"),
    Mutant("groups pass no agent on", "relating", "if to.type == USER and ACTS_ON_BEHALF_OF not in held:", "if False:"),
    Mutant(
        "groups pass every relation on",
        "relating",
        "if any(ACTS_ON_BEHALF_OF in relations.held(who, one) for one in groups):\n"
        "            held |= {ACTS_ON_BEHALF_OF}",
        "held |= frozenset().union(*(relations.held(who, one) for one in groups))",
    ),
    Mutant(
        "whoever is asked of has the relation",
        "relating",
        "held = relations.held(who, to)",
        "held = relations.names(to.type)",
    ),
    Mutant(
        "an agent has by itself what its team has",
        "relating",
        "who = known.ancestors | {ref}",
        "who = frozenset({ref})",
    ),
    Mutant(
        "the other party has no relation",
        "asking",
        "for one in (party.ref, party.on_behalf_of, party.via_agent):",
        "for one in (party.ref,):",
    ),
    Mutant("whom the call is for is not looked at", "deciding", "piece.to_people or ", ""),
    Mutant("through is direct", "relating", "if through is None and subject in subjects:", "if subject in subjects:"),
    Mutant("through is forgotten", "relating", "waiting.append((subject, through))", "pass"),
    Mutant(
        "one id of a person is another person",
        "directory",
        "return said if name is None else EntityRef(said.type, name)",
        "return said",
    ),
    Mutant(
        "members of members are none",
        "directory",
        "and relation.through in {None, _MEMBER}",
        "and relation.through is _MEMBER",
    ),
)
FUSED_MUTANTS = (
    Mutant("a wider network is within", "compiler", "T[2] >= PREFIX and ", ""),
    Mutant(
        "the network is shifted too far",
        "compiler",
        "network.bits - network.prefix\n",
        "network.bits - network.prefix + 1\n",
    ),
    Mutant(
        "the other side is mixed up",
        "fusing",
        "P, on_behalf_of, via_agent = parties",
        "P, via_agent, on_behalf_of = parties",
    ),
    Mutant(
        "what is not there is there",
        "fusing",
        "return ast.Compare(found, [ast.IsNot()]",
        "return ast.Compare(found, [ast.Is()]",
    ),
    Mutant(
        "a name that no call has is there",
        "fusing",
        "return ast.Constant(value=False)",
        "return ast.Constant(value=True)",
    ),
    Mutant(
        "nothing is a value",
        "fusing",
        "[ast.IsNot()], [ast.Constant(None)]), found, nothing)",
        "[ast.IsNot()], [ast.Constant(None)]), found, found)",
    ),
    Mutant("the source is what else is said", "fusing", '"source_ip": "source"', '"source_ip": "caller"'),
    Mutant("the week begins on Sunday", "fusing", "UTC).isoweekday()", "UTC).weekday()"),
    Mutant("a chain is one longer", "fusing", '"len(request.chain)"', '"len(request.chain) + 1"'),
    Mutant("consent is assumed", "fusing", '"consent": "c_oauth.consent"', '"consent": "True"'),
    Mutant(
        "a look at a record is a look at a field",
        "fusing",
        "if looked_at is None or n in looked_at",
        "if looked_at is not None and n in looked_at",
    ),
    Mutant("everything is a record", "fusing", "in _RECORDS:", "or True:"),
    Mutant("an address without a token's mode", "fusing", "MODES[c_oauth.mode]", "str(c_oauth)"),
    Mutant(
        "the context whole is no context",
        "fusing",
        "if seen is None:\n        return None",
        "if seen is None:\n        seen = {}",
    ),
    Mutant(
        "names that are asked for are left out",
        "contexts",
        "if names is None or one[0] in names",
        "if names is None",
        "cedarpy",
    ),
    Mutant("the chain is turned into texts", "contexts", "EntityRef(AGENT, name) for name", "name for name", "cedarpy"),
    Mutant(
        "the caller is its arguments",
        "contexts",
        '"caller": lambda call: call.caller',
        '"caller": lambda call: call.said',
        "cedarpy",
    ),
    Mutant(
        "a token for a person is for nobody",
        "contexts",
        "if status is None:",
        "if status is None or status.consent:",
        "cedarpy",
    ),
    Mutant("what is not there stays", "contexts", "if value is not None}", "}", "cedarpy"),
)
MUTANTS = (
    Mutant("families of addresses are one, in code", "compiler", "T[0] == BITS and ", ""),
    Mutant("forbid does not win", "compiler", '"permitted" if statement.permits else "forbidden"', '"permitted"'),
    Mutant("an error is skipped", "compiler", "except Exception:\n    failed += ID", "except Exception:\n    pass"),
    Mutant("unless is when", "compiler", "held if isinstance(clause, pst.When) else", "held if True else"),
    Mutant("any value is true or false", "compiler", "if is_boolean(expression):", "if True:"),
    Mutant(
        "the right side first",
        "compiler",
        "[self.truth(left), self.truth(right)]",
        "[self.truth(right), self.truth(left)]",
    ),
    Mutant("the resource's scope is ignored", "compiler", "tests = self._resource(template.resource)", "tests = []"),
    Mutant(
        "then and else change places",
        "compiler",
        "self.value(then), self.value(otherwise)",
        "self.value(otherwise), self.value(then)",
    ),
    Mutant(
        "integers equal as in Python",
        "compiler",
        "(pst.StringLit, pst.EntityLit)",
        "(pst.StringLit, pst.EntityLit, pst.LongLit, pst.BoolLit)",
    ),
    Mutant("a group of a type is that type alone", "compiler", "return _all([test, within])", "return test"),
    Mutant(
        "the short way is everybody's", "compiler", "ast.Compare(found, [ast.Is()]", "ast.Compare(found, [ast.IsNot()]"
    ),
    Mutant(
        "nothing is ever there",
        "compiler",
        "ast.Constant(name), [ast.In()]",
        "ast.Constant(name), [ast.NotIn()]",
    ),
    Mutant("ancestors are parents", "known", "now.union(*(closed[one] for one in above if one in closed))", "now"),
    Mutant(
        "a prefix may stand anywhere",
        "operations",
        "texts.matches(parts, text(value))",
        "all(part in text(value) for part in parts)",
    ),
    Mutant("nobody is in themselves", "operations", "target == ref or target in above", "target in above"),
    Mutant(
        "true is an integer", "operations", "value if type(value) is int else", "value if isinstance(value, int) else"
    ),
    Mutant(
        "all types have one order", "operations", "kind is not type(right) or kind not in {int, Moment, Span}", "False"
    ),
    Mutant(
        "all of one is any of the other",
        "operations",
        "collection(found) >= collection(others)",
        "collection(found) <= collection(others)",
    ),
    Mutant(
        "a missing name is an error", "operations", "        if name not in fields:\n            return False\n", ""
    ),
    Mutant(
        "durations are rounded down",
        "operations",
        "abs(length(value)) // unit * (1 if length(value) >= 0 else -1)",
        "length(value) // unit",
    ),
    Mutant("the families of addresses are one", "operations", "bits == family and", "True and"),
    Mutant("a network is within its part", "operations", "prefix >= length_ and", "True and"),
    Mutant(
        "midnight is the first second",
        "operations",
        "instant(value) // _DAY * _DAY",
        "int(instant(value) / _DAY) * _DAY",
    ),
    Mutant("integers never end", "values", "number if -_I64_END <= number < _I64_END else", "number if True else"),
    Mutant(
        "one is true in a set",
        "values",
        "case bool() | Fraction() | Moment() | Span():",
        "case Fraction() | Moment() | Span():",
    ),
    Mutant("types are equal if values are", "values", "if type(left) is not type(right):", "if False:"),
    Mutant("a decimal may go on", "values", "_DECIMAL.fullmatch(text)", "_DECIMAL.match(text)"),
    Mutant("east is west", "values", 'offset if sign == "+" else -offset', 'offset if sign == "-" else -offset'),
    Mutant("an address like IPv4 at its end", "values", '"." in text or ', ""),
    Mutant(
        "policies without a principal are forgotten",
        "index",
        'yield ANY\n    yield "=", principal',
        'yield "=", principal',
    ),
    Mutant(
        "policies without an action are forgotten", "index", 'yield ANY\n    yield "=", action', 'yield "=", action'
    ),
    Mutant("the groups of the action are forgotten", "index", "for one in (action, *groups):", "for one in (action,):"),
    Mutant(
        "the groups of the principal are forgotten",
        "index",
        "(principal, *sorted(ancestors - {principal}))",
        "(principal,)",
    ),
    Mutant(
        "the principal is in no group of one",
        "index",
        "(principal, *sorted(ancestors - {principal}))",
        "sorted(ancestors - {principal})",
    ),
    Mutant("types in groups are forgotten", "index", 'yield "is in", principal.type, one', "pass"),
    Mutant("the first action stands for all", "index", "for entity in entities:", "for entity in entities[:1]:"),
    Mutant(
        "a record is shown empty",
        "reading",
        "yield name, (field,)\n        case pst.HasAttr",
        "yield name, ()\n        case pst.HasAttr",
        "cedarpy",
    ),
    Mutant("a value is only there", "reading", "yield name, None\n", "yield name, ()\n", "cedarpy"),
    Mutant(
        "the last look counts",
        "reading",
        "before is None or fields is None else before.union(fields)",
        "fields is None else frozenset(fields)",
        "cedarpy",
    ),
    Mutant(
        "no policy asks anything", "cedar_engine", "if not said.reasons and not said.errors:", "if True:", "cedarpy"
    ),
)
