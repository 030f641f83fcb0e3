"""Policy documents: what may be published, and where the problem stands in what may not."""

import subprocess
import sys

import pytest

from leasehold.model.policies import Policy, PolicySide
from leasehold.model.tools import Action, Tool, ToolServer
from leasehold.policy.checking import CedarDocuments
from leasehold.policy.statements import NESTING_LIMIT, OPERATORS_LIMIT

SERVERS = {
    "github": ToolServer(
        url="https://mcp.example.com/github",
        tools={"read_file": Tool(action=Action.READ), "delete_branch": Tool(action=Action.DELETE)},
    )
}
READ = 'permit(principal, action == Action::"github/read_file", resource)'


def problems(document):
    return CedarDocuments().check("guards", Policy(document=document, side=PolicySide.AGENT), SERVERS)


def only(document):
    found = problems(document)
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize(
    "document",
    [
        f"{READ};",
        'permit(principal, action in Action::"github/*", resource);',
        "forbid(principal, action, resource);",  # a forbid may speak of everything
        'permit(principal, action in [Action::"github/read_file", Action::"can_read_todos"], resource);',
        f'// a "comment; with (((( and\n{READ} when {{ context.text == "; }} ((( // no comment" }};',
        f'{READ} when {{ context.x == "two\nlines" }};\n{READ};',
        f"{READ} when {{ {' && '.join(['context.x'] * 90)} }};",
        "\n".join(f'@id("p{n}") {READ};' for n in range(200)),
    ],
)
def test_a_document_that_holds_is_published(document):
    assert problems(document) == ()


@pytest.mark.parametrize(
    ("document", "line", "column", "said"),
    [
        (f"{READ};\n\nforbid(principal, action, resource)\nwhen {{ context.x == }};", 4, 22, "unexpected token `}`"),
        ("forbid(principal,\n  action,\n  resourc);", 3, 3, "resourc"),
        ("forbidd(principal, action, resource);", 1, 1, "invalid policy effect"),
        (f"{READ}", 1, 65, "unexpected end of input"),
        ("forbid(principal, action, resource)\nwhen { foo(1) };", 2, 8, "`foo` is not a valid function"),
        ("forbid(principal, action, resource)\n  when { ip(1, 2) };", 2, 10, "expects 1 argument"),
        ("// one\nforbid(principal, action, resource) when { $ };", 2, 44, "invalid token"),
        ('forbid(principal, action, resource) when { context.x == "abc };', 1, 57, "invalid token"),
        (f"{READ};;", 1, 67, "unexpected token `;`"),
        (f"permit(principal == ?principal, {READ[18:]};", 1, 1, "without `?principal`"),
        ("// nothing", 1, 1, "must hold 1 to 256 policies"),
        (";" * 257, 1, 1, "must hold 1 to 256 policies"),
        (f"{READ};\n{READ};", 2, 1, "this policy stands twice"),
        (f'{READ};\n@id("a b") {READ};', 2, 1, "an `@id` is"),
        (
            f'{READ};\nforbid(principal, action, resource) when {{ context.x == "{"x" * 10_240}" }};',
            2,
            1,
            "10240 bytes",
        ),
        (f'@id("a") {READ};\n@id("a") {READ};', 2, 1, "two policies have the id `a`"),
    ],
)
def test_a_problem_is_told_with_its_line(document, line, column, said):
    problem = only(document)
    assert (problem.line, problem.column) == (line, column), problem
    assert said in problem.message
    assert not problem.unknown


def test_every_broken_policy_of_a_document_is_told():
    found = problems(f"permit(principal, action, resource);\n{READ};\nforbid(;\n")
    assert [problem.line for problem in found] == [1, 3]


def test_a_permit_without_actions_would_touch_them_all_and_is_refused():
    assert "must name its actions" in only("permit(principal, action, resource);").message
    assert (
        "must name its actions"
        in only('permit(principal is Agent, action, resource) when { action == Action::"x" };').message
    )


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("github/read_fil", "tool server `github` lists no tool `read_fil`; did you mean `github/read_file`?"),
        ("gitub/read_file", "no tool server is named `gitub`; did you mean `github`?"),
        ("jira/x", "no tool server is named `jira`"),
    ],
)
def test_an_action_of_no_tool_is_told_where_it_stands(action, said):
    scoped = only(f'permit(principal,\n  action == Action::"{action}", resource);')
    asked = only(f'forbid(principal, action, resource)\nwhen {{ action == Action::"{action}" }};')
    for problem in (scoped, asked):
        assert (problem.line, problem.message, problem.unknown) == (2, said, True)


DEEP = {
    "parentheses": "(" * 20_000 + "true" + ")" * 20_000,
    "lists": "[" * 20_000 + "]" * 20_000,
    "records": "{a:" * 9_000 + "1" + "}" * 9_000,
    "conjunctions": "true && " * 7_000 + "true",
    "sums": "1 " + "+ 1" * 9_000 + " == 2",
    "members": "context" + ".a" * 9_000,
    "indices": "context" + '["a"]' * 9_000,
    "calls": '["a"]' + '.contains("a")' * 4_000,
    "choices": "if true then true else " * 2_700 + "true",
    "negations": "!(" * 15_000 + "true" + ")" * 15_000,
}


@pytest.mark.parametrize("kind", DEEP)
@pytest.mark.parametrize("hidden", ["", "// \r"])
def test_nesting_that_would_overrun_the_parsers_stack_is_refused_before_it_is_asked(kind, hidden):
    """In a process of its own: the parser does not raise, it takes the process along."""
    document = f"forbid(principal, action, resource) when {{ {hidden}{DEEP[kind]} }};"
    script = (
        "import sys; from leasehold.policy.checking import CedarDocuments\n"
        "from leasehold.model.policies import Policy\n"
        "policy = Policy(document=sys.stdin.read(), side='agent')\n"
        "for one in CedarDocuments().check('p', policy, {}): print(one.message)"
    )
    done = subprocess.run([sys.executable, "-c", script], input=document, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "split it" in done.stdout


def test_the_place_of_too_much_nesting_is_told():
    nested = only(f"forbid(principal, action, resource)\nwhen {{ {'(' * 100}true{')' * 100} }};")
    assert (nested.line, nested.column) == (2, NESTING_LIMIT + 7)


def test_the_deepest_document_that_passes_our_bounds_does_the_parser_no_harm():
    nested = "(" * (NESTING_LIMIT - 8) + "context.x" + ")" * (NESTING_LIMIT - 8)
    assert problems(f"forbid(principal, action, resource) when {{ {nested} }};") == ()
    chained = "true && " * (OPERATORS_LIMIT - 1) + "true"
    assert "nesting exceeds" in only(f"forbid(principal, action, resource) when {{ {chained} }};").message


def test_a_message_holds_no_more_of_the_document_than_a_line():
    name = "x" * 5_000
    assert len(only(f"forbid(principal, action, resource) when {{ {name}(1) }};").message) <= 300


def test_no_more_problems_are_told_than_anybody_reads():
    assert len(problems(";" * 200)) == 20


def of_schema(schema):
    policy = Policy(document="forbid(principal, action, resource);", side=PolicySide.USER, schema=schema)
    return [(one.path, one.line, one.message) for one in CedarDocuments().check("p", policy, {})]


def test_a_schema_of_another_application_is_read_too():
    assert (
        of_schema('entity User { type: String };\naction "read" appliesTo { principal: User, resource: User };') == []
    )
    ((path, line, said),) = of_schema("entity User;\nentity User;")
    assert (path, line) == ("schema", 1)
    assert "declared twice" in said


def test_an_action_of_another_application_that_reads_as_a_tool_is_told_why():
    policy = Policy(
        document='forbid(principal, action == Action::"a/b", resource);', side="user", schema='action "a/b";'
    )
    (problem,) = CedarDocuments().check("p", policy, {})
    assert problem.message == "no tool server is named `a`; actions of another application have no `/`"


def test_a_schema_may_have_common_types():
    tasks = "type Task = { Task: String }; type Tasks = Set<Task>; entity List = { tasks: Tasks };"
    assert of_schema(f'{tasks} action "read" appliesTo {{ principal: List, resource: List }};') == []
    assert of_schema("type Tasks") != []


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ("entity A { x: " + "Set<" * 3_000 + "Long" + ">" * 3_000 + " };", "brackets deep"),
        ("entity A { x: " + "{a: " * 3_000 + "Long" + "}" * 3_000 + " };", "brackets deep"),
        (
            "type T0 = Long;" + "".join(f"type T{n} = {{a: T{n - 1}, b: T{n - 1}}};" for n in range(1, 60)),
            "common types written out",
        ),
        (
            "type T0 = Long;" + "".join(f"type T{n} = T{n - 1};" for n in range(1, 3_000)) + "entity A { x: T2999 };",
            "common types written out",
        ),
        ("type T = U; type U = T; entity A { x: T };", "common types written out"),
        (
            "namespace A { type T = {"
            + ",".join(f"a{n}: Long" for n in range(200))
            + "}; entity X {"
            + ",".join(f"a{n}: T" for n in range(200))
            + "}; } namespace B { type T = Long; }",
            "common types written out",
        ),
    ],
)
def test_a_schema_that_would_exhaust_its_reader_is_refused_before_it_is_read(schema, said):
    ((path, _, message),) = of_schema(schema)
    assert path == "schema"
    assert said in message
