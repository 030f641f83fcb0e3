"""What we publish about the provider is what Terraform itself says about it, and what the code says today."""

import json
from pathlib import Path

import pytest
from tests.e2e.provider.stack import version

from leasehold_provider.documentation.__main__ import main
from leasehold_provider.documentation.pages import EXAMPLES

pytestmark = pytest.mark.terraform
ROOT = Path(__file__).parents[3]
ADDRESS = "registry.terraform.io/leasehold/leasehold"
NEWER = {"list_resource_schemas": (1, 14), "resource_identity_schemas": (1, 12), "ephemeral_resource_schemas": (1, 10)}


def test_terraform_tells_the_published_schema(registry, make_stack):
    stack = make_stack(registry)
    stack.write("")
    told = json.loads(stack.run_raw("providers", "schema", "-json").stdout)["provider_schemas"][ADDRESS]
    published = json.loads((ROOT / "schemas/provider.json").read_text())["provider_schemas"][ADDRESS]
    for part, since in NEWER.items():
        if version() < since:
            published.pop(part)
    assert told == published


def test_pages_and_schema_are_generated_from_the_code_of_today(tmp_path):
    assert main([str(tmp_path / "pages"), "--schema", str(tmp_path / "provider.json")]) == 0
    assert (tmp_path / "provider.json").read_text() == (ROOT / "schemas/provider.json").read_text()
    made = {path.relative_to(tmp_path / "pages"): path.read_text() for path in (tmp_path / "pages").rglob("*.md")}
    kept = {
        path.relative_to(ROOT / "docs/provider"): path.read_text() for path in (ROOT / "docs/provider").rglob("*.md")
    }
    assert made == kept


@pytest.mark.skipif(version() < (1, 10), reason="the examples use an ephemeral resource")
def test_the_examples_of_the_pages_are_valid_together(registry, make_stack):
    stack = make_stack(registry)
    (stack.root / "versions.tf").unlink()
    stack.write("\n".join(path.read_text() for path in sorted(EXAMPLES.glob("*.tf"))))
    assert "The configuration is valid" in stack.run("validate", "-no-color")


@pytest.mark.skipif(version() < (1, 14), reason="list resources need Terraform 1.14")
def test_a_query_finds_what_was_made_by_hand(registry, make_stack):
    spec = {"display_name": "Q", "email": "q@example.com", "team": "web"}
    registry.create("owners", "query-by-hand", spec)
    stack = make_stack(registry)
    stack.write("")
    stack.write((EXAMPLES / "list_owner.tfquery.hcl").read_text(), "owners.tfquery.hcl")
    assert "query-by-hand" in stack.run("query", "-no-color")
