"""`python -m leasehold_provider.documentation DIRECTORY [--schema FILE]`: writes the pages, and the schemas as JSON."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from .pages import pages
from .schema_json import schema_document

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Write everything anew; pages of parts that are gone go too."""
    parser = argparse.ArgumentParser(prog="python -m leasehold_provider.documentation")
    parser.add_argument("directory", type=Path, help="where the pages go")
    parser.add_argument("--schema", type=Path, default=Path("schemas/provider.json"), help="where the schemas go")
    options = parser.parse_args(arguments)
    written = pages()
    for stale in options.directory.rglob("*.md"):
        if stale.relative_to(options.directory).as_posix() not in written:
            stale.unlink()
    for name, text in written.items():
        page = options.directory / name
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text, encoding="utf-8")
    options.schema.parent.mkdir(parents=True, exist_ok=True)
    document = json.dumps(schema_document(), indent=2, ensure_ascii=False)
    options.schema.write_text(document + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
