"""What a fresh machine needs that is not Python: Terraform, Node.js, cdktf-cli, a PostgreSQL server.

`python -m toolchain ensure` provides them under `.toolchain/`; `environment()` is how to run them. The server, the
provider and the constructs know nothing of this package: the demo, the tests and the benchmarks use it.
"""

from toolchain.places import Places, repository
from toolchain.programs import Tool, ToolMissingError
from toolchain.surroundings import environment

__all__ = ["Places", "Tool", "ToolMissingError", "environment", "repository"]
