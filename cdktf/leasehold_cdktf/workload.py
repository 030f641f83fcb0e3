"""Turn the workload of a manifest into an agent: its own service account, and a token for the registry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from leasehold_cdktf.manifest import Document, Manifest
from leasehold_cdktf.names import quoted

LABEL = "leasehold.dev/agent"
VOLUME = "leasehold-token"
MOUNT = "/var/run/secrets/leasehold.dev"
TOKEN = "token"  # noqa: S105  the file's name
TTL_MIN_SECONDS = 600  # kube-apiserver refuses less

_POD_AT = {
    "Pod": (),
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the workload becomes, and where it asks."""

    agent: str
    audience: str
    token_ttl: int
    endpoint: str
    resource: str | None

    @property
    def environment(self) -> dict[str, str]:
        """What the container is told."""
        told = {
            "LEASEHOLD_AGENT": self.agent,
            "LEASEHOLD_ENDPOINT": self.endpoint,
            "LEASEHOLD_TOKEN_FILE": f"{MOUNT}/{TOKEN}",
        }
        return told | ({"LEASEHOLD_RESOURCE": self.resource} if self.resource else {})

    @property
    def volume(self) -> Document:
        """The projected token."""
        projected = {"audience": self.audience, "expirationSeconds": self.token_ttl, "path": TOKEN}
        return {"name": VOLUME, "projected": {"sources": [{"serviceAccountToken": projected}]}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """The manifest with the workload bound, and the service account that a token of it names."""

    manifest: Manifest
    namespace: str
    service_account: str


@dataclass(frozen=True, slots=True)
class _Workload:
    """One object of the manifest that runs pods."""

    document: Document

    @property
    def title(self) -> str:
        return f"{self.document['kind']}/{_metadata(self.document).get('name', '')}"

    @property
    def template(self) -> Document:
        """What holds the pod's `metadata` and `spec`."""
        found: Document = self.document
        for step in _POD_AT[self.document["kind"]]:
            found = _mapping(found, step, self.title)
        return found

    @property
    def pod(self) -> Document:
        return _mapping(self.template, "spec", self.title)

    @property
    def service_account(self) -> str | None:
        name = self.pod.get("serviceAccountName", self.pod.get("serviceAccount"))
        return None if name is None else str(name)


def bind(
    manifest: Manifest, identity: Identity, *, workload: str | None, container: str | None, namespace: str | None
) -> Bound:
    """Bind one workload of a manifest that the caller gives up.

    Raises:
        ValueError: a choice is open, or the manifest contradicts the binding; the message says what to change.
    """
    if identity.token_ttl < TTL_MIN_SECONDS:
        raise ValueError(f"token_ttl is {identity.token_ttl}: Kubernetes issues no token for less than 600 seconds")
    workloads = [_Workload(d) for d in manifest.documents if d["kind"] in _POD_AT]
    chosen = _choose(workloads, workload, manifest)
    home = _settle_namespace(chosen, namespace)
    account = _settle_account(chosen, identity, [w for w in workloads if w is not chosen])
    _label(chosen, identity)
    _give_token(chosen, identity)
    _tell(_choose_container(chosen, container), identity, chosen)
    documents = _with_account(manifest.documents, account, home, identity)
    return Bound(manifest=Manifest(documents), namespace=home, service_account=account)


def _choose(workloads: Sequence[_Workload], wanted: str | None, manifest: Manifest) -> _Workload:
    fitting = [w for w in workloads if wanted is None or w.title == wanted]
    if len(fitting) == 1:
        return fitting[0]
    if wanted is not None:
        raise ValueError(f"the manifest has {len(fitting)} workloads `{wanted}`: {quoted(w.title for w in workloads)}")
    if not workloads:
        kinds = quoted({str(document["kind"]) for document in manifest.documents})
        raise ValueError(f"the manifest has no workload (one of {quoted(_POD_AT)}), only {kinds}")
    raise ValueError(
        f"the manifest has several workloads: pass workload= as one of {quoted(w.title for w in workloads)}"
    )


def _settle_namespace(chosen: _Workload, given: str | None) -> str:
    metadata = _metadata(chosen.document)
    found = metadata.get("namespace")
    if found is None and given is None:
        raise ValueError(f"{chosen.title} has no metadata.namespace: add one, or pass namespace=")
    if found is not None and given not in {None, found}:
        raise ValueError(f"{chosen.title} lives in namespace `{found}`, not in `{given}`")
    metadata["namespace"] = home = str(found if given is None else given)
    return home


def _settle_account(chosen: _Workload, identity: Identity, others: Sequence[_Workload]) -> str:
    account = chosen.service_account or identity.agent.replace("_", "-")
    if account == "default":
        raise ValueError(
            f"{chosen.title} runs as service account `default`, which every pod of the namespace may use: "
            "give it one of its own, or leave serviceAccountName out and one is made"
        )
    if sharing := [other.title for other in others if other.service_account == account]:
        raise ValueError(
            f"service account `{account}` also runs {quoted(sharing)}, which would become agent `{identity.agent}` "
            f"too: give {chosen.title} one of its own"
        )
    pod = chosen.pod
    if pod.get("automountServiceAccountToken"):
        raise ValueError(
            f"{chosen.title} mounts the cluster's own token (automountServiceAccountToken: true), which an agent must "
            "not hold: remove it, or project a token of its own for the part that calls the Kubernetes API"
        )
    pod |= {"serviceAccountName": account, "automountServiceAccountToken": False}
    return account


def _label(chosen: _Workload, identity: Identity) -> None:
    for target in (chosen.document, chosen.template):
        labels = _mapping(_metadata(target), "labels", chosen.title)
        _settle(labels, LABEL, identity.agent, f"label of {chosen.title}")


def _give_token(chosen: _Workload, identity: Identity) -> None:
    _join(_list(chosen.pod, "volumes", chosen.title), "name", identity.volume, f"volume of {chosen.title}")


def _choose_container(chosen: _Workload, wanted: str | None) -> Document:
    regular = _list(chosen.pod, "containers", chosen.title)
    every = [*regular, *chosen.pod.get("initContainers", ())]
    names = quoted(str(c.get("name")) for c in every)
    if wanted is None and len(regular) != 1:
        raise ValueError(f"{chosen.title} has {len(regular)} containers: pass container= as one of {names}")
    fitting = regular if wanted is None else [c for c in every if c.get("name") == wanted]
    if len(fitting) != 1:
        raise ValueError(f"{chosen.title} has no container `{wanted}`, only {names}")
    found: Document = fitting[0]
    return found


def _tell(container: Document, identity: Identity, chosen: _Workload) -> None:
    where = f"container `{container.get('name')}` of {chosen.title}"
    mounts = _list(container, "volumeMounts", where)
    _join(mounts, "mountPath", {"name": VOLUME, "mountPath": MOUNT, "readOnly": True}, f"volume mount of {where}")
    variables = _list(container, "env", where)
    for name, value in identity.environment.items():
        _join(variables, "name", {"name": name, "value": value}, f"environment variable of {where}")


def _with_account(documents: Sequence[Document], account: str, home: str, identity: Identity) -> tuple[Document, ...]:
    for document in documents:
        metadata = _metadata(document)
        found = (document["kind"], metadata.get("name"), metadata.get("namespace", home))
        if found == ("ServiceAccount", account, home):
            metadata["namespace"] = home
            annotations = _mapping(metadata, "annotations", f"ServiceAccount/{account}")
            _settle(annotations, LABEL, identity.agent, f"annotation of ServiceAccount/{account}")
            return tuple(documents)
    made = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": account, "namespace": home, "annotations": {LABEL: identity.agent}},
    }
    return (made, *documents)


def _metadata(document: Document) -> Document:
    return _mapping(document, "metadata", str(document.get("kind", "pod template")))


def _mapping(parent: Document, key: str, where: str) -> Document:
    found = parent.get(key)
    if found is None:
        found = parent[key] = {}
    if not isinstance(found, dict):
        raise ValueError(f"`{key}` of {where} must be a mapping")  # noqa: TRY004  the manifest's fault, like every other
    return found


def _list(parent: Document, key: str, where: str) -> list[Any]:
    found = parent.get(key)
    if found is None:
        found = parent[key] = []
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise ValueError(f"`{key}` of {where} must be a list of mappings")
    return found


def _settle(mapping: Document, key: str, value: str, where: str) -> None:
    if mapping.setdefault(key, value) != value:
        raise ValueError(f"{where}: `{key}` is `{mapping[key]}` already, and must be `{value}`: remove one of the two")


def _join(items: list[Any], key: str, wanted: Document, where: str) -> None:
    """Append `wanted` unless it is there; refuse another item of the same key."""
    present = [item for item in items if item.get(key) == wanted[key]]
    if not present:
        items.append(wanted)
    elif any(item != wanted for item in present):
        raise ValueError(f"{where}: `{wanted[key]}` is there already and says something else: remove it")
