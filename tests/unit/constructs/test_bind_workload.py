"""A workload becomes an agent: what its manifest gains, and what is refused rather than guessed."""

import copy
from pathlib import Path

import cdktf
import pytest
import yaml

from leasehold_cdktf import Agent, Deployment, LeaseholdProvider, Manifest, ToolServer, TrustIssuer

AUDIENCE = "https://leasehold.example.com"
PODS_AT = {
    "Pod": lambda doc: doc,
    "Deployment": lambda doc: doc["spec"]["template"],
    "StatefulSet": lambda doc: doc["spec"]["template"],
    "DaemonSet": lambda doc: doc["spec"]["template"],
    "Job": lambda doc: doc["spec"]["template"],
    "CronJob": lambda doc: doc["spec"]["jobTemplate"]["spec"]["template"],
}


@pytest.fixture
def agent(stack):
    github = ToolServer.named("github", url="https://github.example/mcp")
    grants = [github.tool("read_file").on("repo:web")]
    return Agent(stack, "triage", owner="alice", review_by="2027-05-01", grants=grants)


def pod(**changes):
    return {"containers": [{"name": "app", "image": "app:1"}]} | changes


def workload(kind="Deployment", name="web", **changes):
    document = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "apps"}}
    if kind == "Pod":
        return document | {"spec": pod(**changes)}
    template = {"spec": {"template": {"spec": pod(**changes)}}}
    return document | ({"spec": {"jobTemplate": template}} if kind == "CronJob" else template)


def bind(agent, *documents, **options):
    return agent.bind_workload(documents, **{"trust_issuer": "cluster", "audience": AUDIENCE} | options)


@pytest.mark.parametrize("kind", PODS_AT)
def test_every_kind_that_runs_pods_can_be_bound(agent, resources, kind):
    account, bound = bind(agent, workload(kind)).documents
    assert account == {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "triage", "namespace": "apps", "annotations": {"leasehold.dev/agent": "triage"}},
    }
    template = PODS_AT[kind](bound)
    assert bound["metadata"]["labels"] == template["metadata"]["labels"] == {"leasehold.dev/agent": "triage"}
    assert template["spec"] == {
        "containers": [
            {
                "name": "app",
                "image": "app:1",
                "volumeMounts": [
                    {"name": "leasehold-token", "mountPath": "/var/run/secrets/leasehold.dev", "readOnly": True}
                ],
                "env": [
                    {"name": "LEASEHOLD_AGENT", "value": "triage"},
                    {"name": "LEASEHOLD_ENDPOINT", "value": "https://leasehold.example.com"},
                    {"name": "LEASEHOLD_TOKEN_FILE", "value": "/var/run/secrets/leasehold.dev/token"},
                    {"name": "LEASEHOLD_RESOURCE", "value": "https://github.example/mcp"},
                ],
            }
        ],
        "serviceAccountName": "triage",
        "automountServiceAccountToken": False,
        "volumes": [
            {
                "name": "leasehold-token",
                "projected": {
                    "sources": [
                        {"serviceAccountToken": {"audience": AUDIENCE, "expirationSeconds": 900, "path": "token"}}
                    ]
                },
            }
        ],
    }
    assert resources()["leasehold_workload_binding"] == {
        "triage-apps-triage": {
            "name": "triage-apps-triage",
            "agent": "${leasehold_agent.triage.name}",
            "deployment": "${leasehold_deployment.triage.name}",
            "trust_issuer": "cluster",
            "kubernetes": {"namespace": "apps", "service_account": "triage", "any_uid": True},
        }
    }


def test_the_input_is_never_changed(agent):
    document = workload()
    before = copy.deepcopy(document)
    bind(agent, document)
    assert document == before


def test_binding_twice_changes_nothing(agent, resources):
    once = bind(agent, workload(), {"kind": "Service", "metadata": {"name": "web"}})
    declared = resources()
    assert agent.bind_workload(once, trust_issuer="cluster", audience=AUDIENCE) == once
    assert agent.bind_workload(once.render(), trust_issuer="cluster", audience=AUDIENCE).render() == once.render()
    assert resources() == declared


def test_other_documents_stay_as_and_where_they_were(agent):
    service = {"kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}
    assert bind(agent, service, workload()).documents[1] == service


def test_what_the_workload_has_stays(agent):
    volumes = [{"name": "cache", "emptyDir": {}}]
    containers = [{"name": "app", "env": [{"name": "A", "value": "1"}], "volumeMounts": [{"name": "cache"}]}]
    *_, bound = bind(agent, workload(volumes=volumes, containers=containers)).documents
    spec = bound["spec"]["template"]["spec"]
    assert spec["volumes"][0] == volumes[0]
    assert spec["containers"][0]["env"][0] == {"name": "A", "value": "1"}
    assert len(spec["containers"][0]["volumeMounts"]) == 2


def test_its_own_service_account_is_kept_and_annotated(agent, resources):
    account = {"kind": "ServiceAccount", "metadata": {"name": "web", "annotations": {"a": "b"}}}
    kept, _ = bind(agent, account, workload(serviceAccountName="web")).documents
    assert kept["metadata"] == {
        "name": "web",
        "annotations": {"a": "b", "leasehold.dev/agent": "triage"},
        "namespace": "apps",
    }
    assert resources()["leasehold_workload_binding"]["triage-apps-web"]["kubernetes"]["service_account"] == "web"


def test_a_service_account_of_another_namespace_is_another_one(agent):
    other = {"kind": "ServiceAccount", "metadata": {"name": "triage", "namespace": "elsewhere"}}
    made, untouched, _ = bind(agent, other, workload()).documents
    assert made["metadata"]["namespace"] == "apps"
    assert untouched == other


def test_an_agents_underscore_becomes_a_dash_in_kubernetes(stack):
    agent = Agent(stack, "a_b", owner="alice", review_by="2027-05-01", grants=[])
    account, _ = bind(agent, workload()).documents
    assert account["metadata"]["name"] == "a-b"


def test_one_of_several_workloads_is_named(agent):
    documents = [workload(name="web"), workload(name="worker"), workload("CronJob", "web")]
    with pytest.raises(ValueError, match="`CronJob/web`, `Deployment/web`, `Deployment/worker`"):
        bind(agent, *documents)
    bound = bind(agent, *documents, workload="Deployment/worker").documents
    assert [document["metadata"].get("labels") is not None for document in bound] == [False, False, True, False]
    with pytest.raises(ValueError, match="0 workloads `Deployment/wrong`"):
        bind(agent, *documents, workload="Deployment/wrong")


def test_one_of_several_containers_is_named_and_only_it_gets_the_token(agent):
    document = workload(
        containers=[{"name": "app"}, {"name": "proxy"}], initContainers=[{"name": "sidecar", "restartPolicy": "Always"}]
    )
    with pytest.raises(ValueError, match="2 containers: pass container= as one of `app`, `proxy`, `sidecar`"):
        bind(agent, document)
    for name in ("proxy", "sidecar"):
        *_, bound = bind(agent, document, container=name).documents
        spec = bound["spec"]["template"]["spec"]
        told = [c["name"] for c in spec["containers"] + spec["initContainers"] if "env" in c]
        assert told == [name]
    with pytest.raises(ValueError, match="no container `db`"):
        bind(agent, document, container="db")


def test_the_namespace_is_never_guessed(agent):
    document = workload()
    del document["metadata"]["namespace"]
    with pytest.raises(ValueError, match=r"no metadata\.namespace: add one, or pass namespace="):
        bind(agent, document)
    *_, bound = bind(agent, document, namespace="apps").documents
    assert bound["metadata"]["namespace"] == "apps"
    with pytest.raises(ValueError, match="lives in namespace `apps`, not in `prod`"):
        bind(agent, workload(), namespace="prod")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"serviceAccountName": "default"}, "which every pod of the namespace may use"),
        ({"serviceAccount": "default"}, "which every pod of the namespace may use"),
        ({"automountServiceAccountToken": True}, "mounts the cluster's own token"),
        ({"volumes": [{"name": "leasehold-token", "emptyDir": {}}]}, "volume of Deployment/web: `leasehold-token`"),
        ({"volumes": {"name": "x"}}, "`volumes` of Deployment/web must be a list"),
        ({"containers": []}, "0 containers"),
        ({"containers": ["app"]}, "must be a list of mappings"),
        (
            {"containers": [{"name": "app", "env": [{"name": "LEASEHOLD_AGENT", "value": "other"}]}]},
            "environment variable of container `app` of Deployment/web: `LEASEHOLD_AGENT`",
        ),
        (
            {
                "containers": [
                    {"name": "app", "volumeMounts": [{"name": "x", "mountPath": "/var/run/secrets/leasehold.dev"}]}
                ]
            },
            "volume mount of container `app`",
        ),
    ],
)
def test_a_contradiction_is_refused_with_its_place(agent, resources, changes, said):
    with pytest.raises(ValueError, match=said):
        bind(agent, workload(**changes))
    assert "leasehold_workload_binding" not in resources()


def test_a_service_account_that_another_workload_shares_is_refused(agent):
    documents = [workload(serviceAccountName="shared"), workload(name="worker", serviceAccountName="shared")]
    with pytest.raises(ValueError, match="`shared` also runs `Deployment/worker`, which would become agent `triage`"):
        bind(agent, *documents, workload="Deployment/web")


def test_what_belongs_to_another_agent_is_not_taken_over(stack, agent):
    bound = bind(agent, workload())
    other = Agent(stack, "other", owner="alice", review_by="2027-05-01", grants=[])
    with pytest.raises(ValueError, match=r"`leasehold\.dev/agent` is `triage` already, and must be `other`"):
        other.bind_workload(bound, trust_issuer="cluster", audience=AUDIENCE)
    account = {"kind": "ServiceAccount", "metadata": {"name": "web", "annotations": {"leasehold.dev/agent": "triage"}}}
    with pytest.raises(ValueError, match="annotation of ServiceAccount/web"):
        bind(other, account, workload(serviceAccountName="web"))


@pytest.mark.parametrize("documents", [[], [{"kind": "Service"}], [{"kind": "List", "items": [workload()]}]])
def test_a_manifest_without_a_workload_is_refused(agent, documents):
    with pytest.raises(ValueError, match="no workload"):
        bind(agent, *documents)


@pytest.mark.parametrize("spec", [{"spec": "x"}, {"spec": {"template": []}}, {"metadata": "x"}])
def test_a_misshapen_workload_is_refused(agent, spec):
    with pytest.raises(ValueError, match="must be a mapping"):
        bind(agent, {"kind": "Deployment", "metadata": {"namespace": "apps"}} | spec)


def test_kubernetes_issues_no_token_for_less_than_ten_minutes(agent):
    with pytest.raises(ValueError, match="less than 600 seconds"):
        bind(agent, workload(), token_ttl=599)
    *_, bound = bind(agent, workload(), token_ttl=600).documents
    source = bound["spec"]["template"]["spec"]["volumes"][0]["projected"]["sources"][0]
    assert source["serviceAccountToken"]["expirationSeconds"] == 600


def test_a_token_that_the_trust_issuer_would_not_accept_is_refused_at_synth(stack, agent):
    cluster = TrustIssuer(
        stack,
        "cluster",
        type="kubernetes",
        issuer="https://k8s.example",
        audiences=["https://leasehold.example.com"],
        max_token_ttl=1200,
    )
    with pytest.raises(ValueError, match="does not accept audience `other`, only https://leasehold"):
        bind(agent, workload(), trust_issuer=cluster, audience="other")
    with pytest.raises(ValueError, match="at most 1200 seconds, and token_ttl is 3600"):
        bind(agent, workload(), trust_issuer=cluster, token_ttl=3600)
    bind(agent, workload(), trust_issuer=cluster, token_ttl=1200)


def test_the_endpoint_must_be_known_when_the_manifest_is_written(app):
    stack = cdktf.TerraformStack(app, "other")
    LeaseholdProvider(stack, "leasehold", endpoint="${var.endpoint}")
    agent = Agent(stack, "triage", owner="alice", review_by="2027-05-01", grants=[])
    with pytest.raises(ValueError, match="pass endpoint="):
        bind(agent, workload())
    *_, bound = bind(agent, workload(), endpoint="http://127.0.0.1:8420").documents
    told = bound["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "LEASEHOLD_ENDPOINT", "value": "http://127.0.0.1:8420"} in told


@pytest.mark.parametrize("servers", [["github", "slack"], ["slack"]])
def test_a_resource_is_told_only_if_there_is_one_and_its_url_is_known(stack, servers):
    known = {"github": "https://github.example/mcp", "slack": None}
    grants = [ToolServer.named(name, url=known[name]).tool("a").on("repo:web") for name in servers]
    agent = Agent(stack, "triage", owner="alice", review_by="2027-05-01", grants=grants)
    assert "LEASEHOLD_RESOURCE" not in bind(agent, workload()).render()
    chosen = bind(agent, workload(name="x"), resource="https://slack.example/mcp").render()
    assert "value: https://slack.example/mcp" in chosen


def test_a_workload_can_run_under_a_deployment_of_its_own(stack, agent, resources):
    blue = Deployment(stack, "blue", agent=agent)
    bind(agent, workload(), deployment=blue)
    (binding,) = resources()["leasehold_workload_binding"].values()
    assert binding["deployment"] == "${leasehold_deployment.blue.name}"


def test_service_accounts_that_read_alike_are_bound_under_two_names(agent, resources):
    bind(agent, workload(serviceAccountName="a.b"))
    bind(agent, workload(serviceAccountName="a-b"))
    names = set(resources()["leasehold_workload_binding"])
    assert len(names) == 2
    assert "triage-apps-a-b" in names


def test_a_rendered_manifest_is_plain_yaml_and_says_what_it_is(agent, tmp_path):
    path = tmp_path / "app.yaml"
    path.write_text(Manifest.read([workload()]).render())
    text = agent.bind_workload(Path(path), trust_issuer="cluster", audience=AUDIENCE).render()
    assert text.startswith("# Rendered by leasehold_cdktf.")
    assert [document["kind"] for document in yaml.safe_load_all(text)] == ["ServiceAccount", "Deployment"]
