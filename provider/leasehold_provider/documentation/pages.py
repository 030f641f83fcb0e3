"""One Markdown page per part of the provider, in the layout that Terraform's registry and `tfplugindocs` use."""

from __future__ import annotations

from pathlib import Path

from leasehold_provider.protocol.schema import Nested
from leasehold_provider.provider import LeaseholdProvider

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from leasehold_provider.protocol import Function
    from leasehold_provider.protocol.schema import AnyAttribute

EXAMPLES = Path(__file__).with_name("examples")
_HEAD = """\
---
page_title: "{title}"
description: |-
  {summary}
---

# {title}

{description}
"""
_IMPORT = """
## Import

By name, or by identity from Terraform 1.12 on:

```terraform
import {{
  to = {type_name}.example
  id = "{example}"
}}

import {{
  to       = {type_name}.example
  identity = {{ name = "{example}" }}
}}
```
"""


def pages() -> dict[str, str]:
    """Return the pages by path."""
    provider = LeaseholdProvider({})
    made = {"index.md": _page("Leasehold provider", provider.schema, "provider") + _AUTHENTICATION}
    for item in provider.resources:
        made[f"resources/{_short(item.type_name)}.md"] = _resource(item)
    for source in provider.data_sources:
        made[f"data-sources/{_short(source.type_name)}.md"] = _titled(source, "Data source")
    for ephemeral in provider.ephemeral_resources:
        made[f"ephemeral-resources/{_short(ephemeral.type_name)}.md"] = _titled(ephemeral, "Ephemeral resource")
    for listing in provider.list_resources:
        made[f"list-resources/{_short(listing.type_name)}.md"] = _listing(listing)
    for function in provider.functions:
        made[f"functions/{function.name}.md"] = _function(function)
    return made


def _short(type_name: str) -> str:
    return type_name.removeprefix("leasehold_")


def _resource(item: Any) -> str:  # Any: a Resource
    if not item.identity:  # no object of the registry
        return _titled(item, "Resource")
    edges = {"grants": "triage/github.read_file@repo:web", "relations": "document:42#owner@user:ada"}
    example = edges.get(item.kind, "triage")
    return _titled(item, "Resource") + _IMPORT.format(type_name=item.type_name, example=example)


def _titled(item: Any, what: str) -> str:  # Any: any part with a type_name and a schema
    return _page(
        f"{what} {item.type_name}", item.schema, f"{what.split(maxsplit=1)[0].lower()}_{_short(item.type_name)}"
    )


def _listing(item: Any) -> str:  # Any: a Listing
    title, noun = f"List resource {item.type_name}", _short(item.type_name).replace("_", " ")
    description = f"Finds live {noun}s, to bring them under Terraform with `terraform query` (1.14 and later)."
    text = _HEAD.format(title=title, summary=description, description=description)
    return text + _example(f"list_{_short(item.type_name)}") + _attributes(item.schema.attributes)


def _page(title: str, schema: Any, example: str) -> str:  # Any: a Schema
    summary = schema.description.partition(". ")[0].rstrip(".") + "."
    text = _HEAD.format(title=title, summary=summary, description=schema.description)
    return text + _example(example) + _attributes(schema.attributes)


def _example(name: str) -> str:
    path = next((path for path in sorted(EXAMPLES.glob(f"{name}.*"))), None)
    return f"\n## Example\n\n```terraform\n{path.read_text(encoding='utf-8')}```\n" if path is not None else ""


def _attributes(attributes: Mapping[str, AnyAttribute]) -> str:
    if not attributes:
        return ""
    text = "\n## Attributes\n"
    for title, chosen in (
        ("Required", [name for name in sorted(attributes) if attributes[name].required]),
        ("Optional", [name for name in sorted(attributes) if attributes[name].optional]),
        ("Read-only", [name for name in sorted(attributes) if _is_read_only(attributes[name])]),
    ):
        if chosen:
            lines = "\n".join(line for name in chosen for line in _lines(name, attributes[name], ""))
            text += f"\n### {title}\n\n{lines}\n"
    return text


def _is_read_only(attribute: AnyAttribute) -> bool:
    return not attribute.required and not attribute.optional


def _lines(name: str, attribute: AnyAttribute, indent: str) -> Iterator[str]:
    notes = [_type(attribute)]
    if attribute.default not in (None, "", []):
        notes.append(f"default `{_literal(attribute.default)}`")
    notes += [
        note
        for flag, note in (("sensitive", "sensitive"), ("requires_replace", "replaces"))
        if getattr(attribute, flag)
    ]
    yield f"{indent}- `{name}` ({', '.join(notes)}) {attribute.description}"
    if isinstance(attribute, Nested):
        for inner in sorted(attribute.attributes):
            yield from _lines(inner, attribute.attributes[inner], indent + "  ")


def _type(attribute: AnyAttribute) -> str:
    if isinstance(attribute, Nested):
        return {"single": "object", "set": "set of objects", "map": "map of objects", "list": "list of objects"}[
            attribute.nesting
        ]
    text = attribute.type.json().strip('"')
    return {'["set","string"]': "set of strings", '["set","number"]': "set of numbers"}.get(text.replace(" ", ""), text)


def _literal(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return '["' + '", "'.join(default) + '"]' if isinstance(default, list) else str(default)


def _function(function: Function) -> str:
    more = () if function.variadic is None else (function.variadic,)
    names = ", ".join([*(item.name for item in function.parameters), *(f"{item.name}…" for item in more)])
    title = f"Function {function.name}"
    text = _HEAD.format(title=title, summary=f"{function.summary}.", description=function.description)
    text += _example(f"function_{function.name}")
    text += f"\n## Signature\n\n```text\n{function.name}({names})\n```\n\n## Arguments\n\n"
    return text + "".join(f"1. `{item.name}` {item.description}\n" for item in (*function.parameters, *more))


_AUTHENTICATION = """
## Who runs Terraform

The provider takes the first of these that it finds and trades it for a registry token, which it revokes when the run
ends. No key is stored anywhere.

1. `oidc_token_file` in the provider block.
2. `LEASEHOLD_DEV_TOKEN`: a ready-made registry token; refused unless the endpoint is on this machine.
3. `LEASEHOLD_OIDC_TOKEN_FILE`: a file such as a projected Kubernetes service-account token.
4. `LEASEHOLD_OIDC_TOKEN`: the token itself, such as one of GitLab's `id_tokens`.
5. GitHub Actions with `permissions: id-token: write`.

A pull request's identity may read and plan, never write or mint: `terraform plan` works with it and
`ephemeral.leasehold_credential` opens empty, with a warning.

## What a plan checks

A plan fails for a tool that its server does not list, a grant above a ceiling, a second exclusive claim, and an object
that another stack manages or that lives without being in the state. A name that does not live fails the plan if a live
name looks like it; if none does, the object may still be created by the same run, and the plan warns. Refer to what the
same run creates by an attribute (`leasehold_owner.alice.name`), which also tells Terraform the order. What is unknown
while planning is not checked; the registry decides at apply in any case.

Where a configuration holds a [`leasehold_gate`](resources/gate.md), the whole plan is reviewed by the registry's rules
as well: what they deny stops the plan, what needs approval is a warning.

Every write names the revision that the plan saw. If the live object changed since, the apply is refused with who
changed what and when.
"""
