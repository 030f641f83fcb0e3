"""Kubernetes YAML in and out, read as Kubernetes reads it."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from leasehold_cdktf import Manifest

SCALARS = st.one_of(
    st.text(max_size=20), st.booleans(), st.none(), st.integers(), st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=8), inner, max_size=3),
    max_leaves=8,
)


def test_text_a_file_and_documents_read_alike(tmp_path):
    text = "kind: Pod\n---\nkind: Service\n---\n"
    path = tmp_path / "app.yaml"
    path.write_text(text)
    documents = [{"kind": "Pod"}, {"kind": "Service"}]
    assert Manifest.read(text) == Manifest.read(path) == Manifest.read(documents) == Manifest(tuple(documents))


def test_reading_documents_never_shares_them():
    documents = [{"kind": "Pod", "metadata": {}}]
    Manifest.read(documents).documents[0]["metadata"]["name"] = "changed"
    assert documents == [{"kind": "Pod", "metadata": {}}]


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.text(min_size=1, max_size=8), VALUES, max_size=4), min_size=1, max_size=3))
def test_what_is_rendered_reads_back_as_it_was(documents):
    manifest = Manifest(tuple({**document, "kind": "Pod"} for document in documents))
    assert Manifest.read(manifest.render()) == manifest
    assert Manifest.read(manifest.render()).render() == manifest.render()
    assert tuple(yaml.safe_load_all(manifest.render())) == manifest.documents


@pytest.mark.parametrize(
    ("scalar", "meant"),
    [
        ("2027-05-01", "2027-05-01"),
        ("2027-05-01T10:00:00Z", "2027-05-01T10:00:00Z"),
        ("12:30:45", "12:30:45"),
        ("22:22", "22:22"),
        ("0644", 0o644),
        ("0x1F", 31),
        ("1.5", 1.5),
        ("-7", -7),
        ("1.2.3", "1.2.3"),
        ("08", "08"),
        ('"on"', "on"),
        ("true", True),
    ],
)
def test_a_scalar_means_what_kubernetes_takes_it_for(scalar, meant):
    manifest = Manifest.read(f"kind: Pod\nvalue: {scalar}")
    assert manifest.documents[0]["value"] == meant
    assert Manifest.read(manifest.render()) == manifest


def test_a_key_that_stands_twice_is_refused_with_its_line():
    with pytest.raises(ValueError, match="line 3: key `image` stands twice"):
        Manifest.read("kind: Pod\nimage: a\nimage: b\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind: [", "not valid YAML"),
        ("app.yaml", r"pass a pathlib\.Path"),
        ("- kind: Pod", "document 1 of the manifest"),
        ("kind: Pod\n---\nname: x", "document 2 of the manifest"),
        ("kind: 7", "no `kind`"),
        ("kind: !!python/object/apply:os.system ['true']", "not valid YAML"),
    ],
)
def test_what_is_no_manifest_is_refused(text, said):
    with pytest.raises(ValueError, match=said):
        Manifest.read(text)


def test_an_error_in_a_file_names_the_file(tmp_path):
    path = tmp_path / "app.yaml"
    path.write_text("kind: [")
    with pytest.raises(ValueError, match=r"app\.yaml` is not valid YAML"):
        Manifest.read(path)


def test_a_manifest_is_written_as_it_renders(tmp_path):
    manifest = Manifest.read("kind: Pod\nmetadata: &m {name: ü}\ncopy: *m\n")
    path = manifest.write(tmp_path / "app.leasehold.yaml")
    assert path.read_text() == manifest.render()
    assert path == Path(tmp_path / "app.leasehold.yaml")
    assert "&" not in manifest.render()
    assert "name: ü" in manifest.render()
