"""cdktf-cli, and the launcher by which it runs on the toolchain's own Node."""

from toolchain.npm import Project
from toolchain.places import Places
from toolchain.programs import Tool, write_launcher

VERSION = "0.21.0"
PROJECT = Project("cdktf", {"cdktf-cli": VERSION}, size="420 MB on disk, about half a minute")


def ensure(places: Places) -> Tool:
    """Make `.toolchain/bin/cdktf`; `node.ensure` must have run."""
    modules = PROJECT.ensure(places).path
    launcher = places.bin / "cdktf"
    write_launcher(launcher, [places.bin / "node", modules / "cdktf-cli" / "bundle" / "bin" / "cdktf"])
    return Tool("cdktf", VERSION, launcher, "npm cdktf-cli")
