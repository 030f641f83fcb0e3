"""What gets published: checked whole, with every problem where it stands."""

import pytest
from tests.fakes.decision_world import (
    ENTITIES,
    MAIN,
    PLAN,
    TOOLS,
    TRIAGE,
    agent_policy,
    call,
    entity,
    facts,
    held,
    published,
    user_policy,
)

from leasehold.model.decisions import Reason
from leasehold.model.entities import EntityRef, Relationship
from leasehold.model.policies import Policy, PolicySide
from leasehold.model.tools import Action, Tool, ToolAnnotations, ToolServer
from leasehold.policy.assessing import check, schema_of
from leasehold.policy.cedar.engines import engine_named
from leasehold.policy.cedar.mapping import ValueRefused
from leasehold.policy.cedar.naming import cedar_name, cedar_ref
from leasehold.policy.cedar.statements import (
    MAX_DOCUMENT,
    MAX_STATEMENT,
    MAX_STATEMENTS,
    DocumentRefused,
    formatted,
    statements_of,
)
from leasehold.policy.deciding import decision_on
from leasehold.policy.material import CallableTool, text_of, tools_of
from leasehold.policy.publishing import publish
from leasehold.policy.relating import StoredRelations

QUERY = 'action == Action::"warehouse/query"'


def problems(*texts, **more):
    return [str(one) for one in check(texts, facts(**more))]


def test_every_problem_is_reported_with_its_line_and_what_was_meant():
    document = f"""// about tables
@id("one")
permit (principal, {QUERY}, resource)
when {{ context.input.table like "sales_*" }}
when {{ context.input.tabel == "x;y" }}; // a `;` in a text ends nothing

forbid (principal, action == Action::"warehouse/qery", resource);
forbid (principal is Agnt, {QUERY}, resource);
permit (principal, {QUERY}, resource) when {{ context.input.currency == "EURO" }};
permit (principal == ?principal, {QUERY}, resource);
forbid (
"""
    found = problems(agent_policy(document))
    assert "agents:5: attribute `input.tabel` in context" in "\n".join(found)
    assert any(one.startswith("agents:5:") and "did you mean `table`?" in one for one in found)
    assert any(one.startswith("agents:7:") and "did you mean `warehouse/query`?" in one for one in found)
    assert any(one.startswith("agents:8:") and "`Agnt`; did you mean `agent`?" in one for one in found)
    assert not any(one.startswith("agents:3:") for one in found)


def test_what_cannot_be_parsed_is_reported_beside_what_can_and_is_wrong():
    document = "permit (principal, action, resource);\nforbid (\n;\npermit (principal == ?principal, action, resource);"
    found = problems(agent_policy(document))
    assert [one.partition(" ")[0] for one in found] == ["agents:2:", "agents:4:", "agents:1:"]
    assert "no `?principal`" in found[1]


def test_a_text_that_no_tool_lists_is_a_mistake():
    choice = f"forbid (principal, {QUERY}, resource) when {{ context.input has currency && context.input.currency == "
    assert problems(agent_policy(choice + '"EURO" };')) == ["agents:1: no tool takes `EURO` here; did you mean `EUR`?"]
    assert problems(agent_policy(choice + '"EUR" };')) == []
    free = f'forbid (principal, {QUERY}, resource) when {{ context.input.table == "any" || principal.owner != "x" }};'
    assert problems(agent_policy(free)) == []


def test_each_side_sees_its_own_principals():
    by_mail = 'forbid (principal, action in Action::"*", resource) when { principal.email == "x" };'
    assert problems(user_policy(by_mail)) == []
    assert "attribute `email` on entity type `agent` not found" in problems(agent_policy(by_mail))[0]


def test_a_rule_about_what_deletes_stays_valid_while_nothing_does():
    forbid = agent_policy('forbid (principal, action in Action::"execute", resource);')
    assert problems(forbid) == []
    assert problems(forbid, tools=()) == []


def test_limits_of_size_and_number():
    one = "forbid (principal, action, resource);"
    assert "at most" in problems(agent_policy(" " * MAX_DOCUMENT + one))[0]
    assert "at most" in problems(agent_policy(one.replace("resource", "resource" + " " * MAX_STATEMENT)))[0]
    assert "at most" in problems(agent_policy(one * (MAX_STATEMENTS + 1)))[0]
    assert "at least one policy" in problems(agent_policy("// nothing"))[0]


def test_two_documents_never_share_a_name():
    text = agent_policy("forbid (principal, action, resource);")
    assert "another document has this name" in problems(text, text)[0]


def test_a_relation_is_no_scope_and_no_attribute_besides():
    scope = 'forbid (principal in Relation::"document:plan#owner", action, resource);'
    assert "a relation belongs into a condition" in problems(user_policy(scope))[0]
    clash = [*ENTITIES, entity("document", "x", label="a", pages=1, owner="someone")]
    assert "`owner` is an attribute of `document`, and a relation" in problems(entities=clash)[0]


def test_a_text_that_is_not_unicode_is_refused_and_not_quoted():
    assert problems(agent_policy('forbid (principal, action, resource) when { "\ud800" == "" };')) == [
        "agents:1: not Unicode"
    ]


def test_the_schema_of_one_server_shows_what_its_policies_see():
    schema = schema_of(facts(), "warehouse", PolicySide.AGENT)
    assert 'action "warehouse/query" in [Action::"*", Action::"warehouse/*", Action::"read"]' in schema
    assert '"since"?: datetime' in schema
    assert '"tags"?: Set<String>' in schema
    assert '"extra"?: {}' in schema
    assert "billing" not in schema
    assert "principal: [agent]" in schema


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "string"}, "of type object"),
        ({"type": "object", "properties": []}, "properties is an object"),
        ({"type": "object", "properties": {"__entity": {}}}, "not with `__`"),
        ({"type": "object", "properties": {"table": {}, "TABLE": {}}}, "look alike"),
        ({"type": "object", "properties": {"ｔable": {}, "table": {}}}, "look alike"),
        ({"type": "object", "properties": {f"p{at}": {} for at in range(513)}}, "at most 512"),
    ],
)
def test_a_tool_whose_schema_means_nothing_is_named(schema, said):
    tool = CallableTool(server="odd", name="tool", action=Action.READ, input_schema=schema)
    with pytest.raises(DocumentRefused) as refused:
        publish((), facts(tools=[*TOOLS, tool]))
    assert str(refused.value).startswith("odd/tool:1: ")
    assert said in str(refused.value)


def test_an_attribute_without_a_type_is_refused():
    with pytest.raises(ValueRefused, match=r"document\.when: no value for Cedar"):
        facts(entities=[entity("document", "x", when=object())])
    with pytest.raises(ValueRefused, match="null is no value"):
        facts(entities=[entity("document", "x", when=None)])


def test_types_that_cedar_cannot_name_are_named_so_that_no_two_meet():
    names = ["code-repo", "code_2d_repo", "code_repo", "1st", "in", "a::b", "a::in", "naïve", "", "_0_", "_in"]
    assert len({cedar_name(one) for one in names}) == len(names)
    assert cedar_name("code-repo") == "code_2d_repo"
    assert cedar_ref(EntityRef("repo", "x")) == EntityRef("repo", "x")
    repo = EntityRef("code-repo", "web")
    version = published(
        agent_policy(
            f'forbid (principal, {QUERY}, resource == code_2d_repo::"web") when {{ principal in resource.owner }};'
        ),
        grants=held(TRIAGE, ("warehouse", "query", "code-repo:*", {}, "g")),
        relations=StoredRelations([Relationship(repo, "owner", TRIAGE)]),
    )
    assert decision_on(call(resource=repo), version).reason is Reason.FORBIDDEN
    assert decision_on(call(resource=EntityRef("code-repo", "api")), version).reason is Reason.GRANTED


def test_entities_of_one_type_may_name_others_at_any_depth():
    world = [
        *ENTITIES,
        entity("document", "deep", label="x", pages=1, meta={"folder": EntityRef("odd-folder", "f"), "n": [1]}),
        entity("document", "wide", label="x", pages=2, seen={EntityRef("user", "ana")}),
    ]
    forbid = (
        'forbid (principal, action == Action::"docs/read", resource is document) when { resource has meta && '
        'resource.meta.folder == odd_2d_folder::"f" } '
        "when { if resource has seen then resource.seen.isEmpty() else true };"
    )
    version = published(agent_policy(forbid), entities=world)
    assert decision_on(call("docs/read", EntityRef("document", "deep")), version).reason is Reason.FORBIDDEN
    assert decision_on(call("docs/read", PLAN), version).reason is Reason.GRANTED


def test_formatting_keeps_the_meaning_and_says_where_it_cannot():
    assert formatted("permit(principal,action,resource);").startswith("permit (principal, action, resource)")
    with pytest.raises(DocumentRefused, match="document:2: "):
        formatted("permit(principal,action,resource);\npermit(")
    assert formatted("// only a comment").strip() == "// only a comment"


def test_statements_are_read_whole_or_not_at_all():
    assert [one.line for one in statements_of("d", "// x\nforbid (principal, action, resource);")] == [2]
    with pytest.raises(DocumentRefused, match="d:1: unexpected end of input"):
        statements_of("d", "permit (")


def test_an_engine_goes_by_its_name():
    assert [engine_named(name).name for name in ("compiled", "cedarpy", "shadow")] == ["compiled", "cedarpy", "shadow"]
    with pytest.raises(ValueError, match="one of compiled, cedarpy and shadow"):
        engine_named("opa")


def test_strangers_cannot_fill_the_memory():
    version = published(user_policy('permit (principal, action in Action::"*", resource);'))
    action = version.actions["docs/read"]
    for at in range(70_000):
        version.users.slice_of(EntityRef("user", "x"), frozenset({EntityRef("Group", f"g{at}")}), action)
    assert len(version.users._slices) < 70_000
    assert len(version.users._made) == 1
    assert MAIN.type == "db"


def test_a_type_that_lost_its_last_grant_undoes_no_policy_and_is_a_mistake_only_to_its_writer():
    text = agent_policy(
        f'forbid (principal, {QUERY}, resource is vault in cabinet::"top");\n'
        f'forbid (principal, {QUERY}, resource in shelf::"x") when {{ resource is drawer }};\n'
        f'forbid (principal, {QUERY}, resource == crate::"x");\nforbid (principal, {QUERY}, resource is box);'
    )
    assert len(problems(text)) >= 4
    assert "unrecognized entity type `vault`" in "\n".join(problems(text))
    version = published(text)
    assert decision_on(call(), version).reason is Reason.GRANTED
    closed = published(text, grants=held(TRIAGE, ("warehouse", "query", "box:*", {}, "g")))
    assert decision_on(call(resource=EntityRef("box", "1")), closed).reason is Reason.FORBIDDEN


def test_an_attribute_that_nobody_has_is_a_mistake_to_everyone():
    text = agent_policy(f"forbid (principal, {QUERY}, resource is vault) when {{ resource.colour == 1 }};")
    with pytest.raises(DocumentRefused):
        published(text)


def test_what_lives_already_is_published_as_it_is_and_fails_where_it_does_not_fit():
    text = agent_policy(f"forbid (principal, {QUERY}, resource is vault) when {{ resource.colour == 1 }};")
    known = facts(entities=[*ENTITIES, entity("vault", "1", size=1)])
    version = publish([text], known, living=frozenset({"agents"}))
    assert decision_on(call(), version).reason is Reason.GRANTED
    assert decision_on(call(resource=EntityRef("vault", "1")), version).reason is Reason.EVALUATION_ERROR
    with pytest.raises(DocumentRefused):
        publish([agent_policy("forbid (")], facts(), living=frozenset({"agents"}))


def test_a_relation_that_nobody_has_any_more_undoes_no_policy_and_is_a_mistake_only_to_its_writer():
    seen = "principal in resource.owner || principal in resource.editor || context.on_behalf_of in resource.owner"
    text = agent_policy(
        f"forbid (principal, {QUERY}, resource is document) when {{ context has on_behalf_of && ({seen}) }};"
    )
    assert "attribute `editor` on entity type `document` not found" in problems(text)[0]
    version = published(text)
    assert decision_on(call(resource=PLAN, user=EntityRef("user", "ana")), version).sides[0].reason is Reason.FORBIDDEN
    assert (
        decision_on(call(resource=PLAN, user=EntityRef("user", "bob")), version).sides[0].reason is not Reason.FORBIDDEN
    )
    with pytest.raises(DocumentRefused, match="saw String"):  # an attribute is no relation
        published(
            agent_policy(f"forbid (principal, {QUERY}, resource is document) when {{ principal in resource.label }};")
        )


def test_a_policy_that_nests_too_deep_never_reaches_a_parser():
    for deep in ("(" * 20_000 + "true" + ")" * 20_000, "!" * 5_000 + "true", "true" + " && true" * 1_000):
        document = f"// first\nforbid (principal, action, resource) when {{ {deep} }};"
        (said,) = problems(agent_policy(document))
        assert said.startswith("agents:2: a policy nests, or goes on, too long")
        with pytest.raises(DocumentRefused):
            formatted(document)


def test_a_tool_that_its_server_dropped_undoes_no_policy_and_is_a_mistake_only_to_its_writer():
    gone = agent_policy(
        'forbid (principal, action == Action::"docs/shred", resource) when { context.input.anything };\n'
        'forbid (principal, action in [Action::"docs/shred", Action::"docs/read"], resource is document) '
        "when { resource.pages > 10 };\n"
        'forbid (principal, action in Action::"nowhere/*", resource) when { context.input.anything };'
    )
    assert {one.partition(" ")[0] for one in problems(gone)} == {"agents:1:", "agents:2:", "agents:3:"}
    version = published(gone)
    assert decision_on(call("docs/read", PLAN), version).reason is Reason.FORBIDDEN
    assert decision_on(call(), version).reason is Reason.GRANTED
    wrong = agent_policy(
        'forbid (principal, action in [Action::"docs/shred", Action::"docs/read"], resource is document) '
        "when { resource.page > 10 };"
    )
    with pytest.raises(DocumentRefused, match="did you mean `pages`"):
        published(wrong)


def test_what_the_registry_keeps_is_what_gets_published():
    schema = '{"type": "object", "properties": {"table": {"type": "string"}}}'
    hints = ToolAnnotations(title="Query", read_only_hint=True, open_world_hint=False)
    listed = {
        "query": Tool(action=Action.READ, input_schema=schema, annotations=hints),
        "bare": Tool(action=Action.DELETE),
    }
    query, bare = tools_of({"warehouse": ToolServer(url="https://mcp.example.com/warehouse", tools=listed)})
    assert (query.server, query.name, query.annotations) == (
        "warehouse",
        "query",
        {"readOnlyHint": True, "openWorldHint": False},
    )
    assert (bare.input_schema, bare.annotations) == (None, {})
    policy = Policy(
        document=f"forbid (principal, {QUERY}, resource) unless {{ context.tool.read_only }};", side=PolicySide.AGENT
    )
    version = published(text_of("guards", policy), tools=[query, bare])
    assert decision_on(call(), version).reason is Reason.GRANTED
    assert decision_on(call(arguments={"table": 5}), version).reason is Reason.SCHEMA_VIOLATION
