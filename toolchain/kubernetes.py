"""A real kube-apiserver and its etcd, for `make test-kubernetes`: built from Debian's own source package.

Nothing is installed: packages are fetched by apt with lists of their own, unpacked into the toolchain's folder and left
there. The server is built without a network, from what the package vendors; only its generated OpenAPI file is missing
there, and one library is older than the compiler bears.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from toolchain import debian
from toolchain.places import Places
from toolchain.programs import Tool, ToolMissingError, tell

VERSION = "1.20.2"
SOURCE = "kubernetes=1.20.5+really1.20.2-1.1+deb12u1"
_PACKAGES = ("golang-1.19-go", "golang-1.19-src", "etcd-server", "golang-github-modern-go-reflect2-dev")
_SUITE = "bookworm"  # later ones have no source of a kube-apiserver
_NEEDED = ("apt-get", "dpkg", "tar")
_GENERATED = "+k8s:openapi-gen="
_NOT_SCANNED = ("code-generator", "sample-apiserver", "kube-openapi", "gengo")


def ensure(places: Places) -> Tool:
    """Return the folder with `kube-apiserver` and `etcd`, after building the former: some five minutes on two cores."""
    home = places.home / "kubernetes"
    folder = home / VERSION
    if not (folder / "kube-apiserver").is_file():
        if missing := [name for name in _NEEDED if shutil.which(name) is None]:
            raise ToolMissingError(f"a real kube-apiserver is built on Debian, with {', '.join(missing)}")
        work = home / "work"
        shutil.rmtree(work, ignore_errors=True)
        _build(work)
        folder.mkdir(parents=True, exist_ok=True)
        for name, built in (("etcd", work / "root/usr/bin/etcd"), ("kube-apiserver", work / "kube-apiserver")):
            shutil.copy2(built, folder / f"{name}.partial")
            (folder / f"{name}.partial").rename(folder / name)
        shutil.rmtree(work)
    return Tool("kube-apiserver", VERSION, folder, f"built from Debian's {SOURCE}")


def _build(work: Path) -> None:
    """Download, unpack and compile in `work`."""
    _download(work)
    root, source = work / "root", work / "go/src/k8s.io/kubernetes"
    for package in sorted(work.glob("deb/*.deb")):
        _run(["dpkg", "-x", package, root], work)
    source.mkdir(parents=True)
    (archive,) = work.glob("src/kubernetes_*.orig.tar.gz")
    _run(["tar", "-xzf", archive, "-C", source, "--strip-components=1"], work)
    _renew_reflection(source / "vendor/github.com/modern-go/reflect2", root)
    tell("building kube-apiserver: about five minutes on two cores, and 2 GB of scratch space")
    environment = _go(work)
    _run(
        ["go", "build", "-o", work / "openapi-gen", "./vendor/k8s.io/kube-openapi/cmd/openapi-gen"], source, environment
    )
    _generate(work, source, environment)
    _run(["go", "build", "-p", "2", "-o", work / "kube-apiserver", "./cmd/kube-apiserver"], source, environment)


def _download(work: Path) -> None:
    """Fetch packages and source."""
    tell("fetching Kubernetes' source, Go and etcd from Debian")
    archive = debian.open_archive(work, _SUITE)
    for folder in ("deb", "src", "tmp"):
        (work / folder).mkdir(parents=True, exist_ok=True)
    archive.download(_PACKAGES, work / "deb")
    archive.source(SOURCE, work / "src")


def _renew_reflection(vendored: Path, root: Path) -> None:
    """Put Debian's reflect2 in place of the vendored one, which panics under Go 1.18 and later; never mix the two."""
    for old in (*vendored.glob("*.go"), *vendored.glob("*.s")):
        old.unlink()
    packaged = root / "usr/share/gocode/src/github.com/modern-go/reflect2"
    for new in (*packaged.glob("*.go"), *packaged.glob("*.s")):
        shutil.copy2(new, vendored)


def _generate(work: Path, source: Path, environment: Mapping[str, str]) -> None:
    """Write the one generated file that the source package leaves out."""
    packages = {f"k8s.io/kubernetes/{path}" for path in _marked(source, source / "pkg")}
    for group in sorted((source / "vendor/k8s.io").iterdir()):
        if group.name not in _NOT_SCANNED:
            packages |= {f"k8s.io/kubernetes/{path}" for path in _marked(source, group)}
    generated: list[str | Path] = ["-p", "k8s.io/kubernetes/pkg/generated/openapi", "-O", "zz_generated.openapi"]
    heading: list[str | Path] = ["-h", "hack/boilerplate/boilerplate.generatego.txt", "-r", work / "violations.txt"]
    _run([work / "openapi-gen", "-i", ",".join(sorted(packages)), *generated, *heading], source, environment)


def _marked(source: Path, folder: Path) -> set[str]:
    """Return the packages below `folder` that ask for an OpenAPI definition, relative to the source."""
    files = (path for path in folder.rglob("*.go") if _GENERATED in path.read_text(errors="replace"))
    return {str(path.parent.relative_to(source)) for path in files}


def _go(work: Path) -> dict[str, str]:
    root = work / "root/usr/lib/go-1.19"
    return {
        "PATH": f"{root / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "HOME": str(work),
        "GOROOT": str(root),
        "GOPATH": str(work / "go"),
        "GOCACHE": str(work / "gocache"),
        "GOTMPDIR": str(work / "tmp"),
        "GO111MODULE": "off",
        "GOFLAGS": "",
        "CGO_ENABLED": "0",
    }


def _run(argv: Sequence[str | Path], folder: Path, environment: Mapping[str, str] | None = None) -> None:
    words = ["nice", *(str(word) for word in argv)]
    done = subprocess.run(  # noqa: S603  apt, dpkg and what they brought
        words,
        cwd=folder,
        env=None if environment is None else dict(environment),
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode != 0:
        raise ToolMissingError(f"`{' '.join(words[1:3])} …` failed (its message stands above)")
