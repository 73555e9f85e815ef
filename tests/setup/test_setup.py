"""Set-up takes what is there, checks what it downloads, and says in one line what is missing."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scripts.setup import engine, golang, kubernetes, paths, stamps, system
from scripts.setup.__main__ import main
from scripts.setup.console import SetupError
from scripts.setup.parts import GROUPS, PARTS

VERSION = "9.9.9"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("PULUMI_ZENML_CACHE", str(folder))
    return folder


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of each request."""


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    handler = partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def a_release(folder: Path) -> Path:
    """Write a release archive and its checksums as the vendor lays them out."""
    folder.mkdir()
    system_name = os.uname().sysname.lower()
    architecture = engine.ARCHITECTURES[os.uname().machine.lower()]
    archive = folder / f"pulumi-v{VERSION}-{system_name}-{architecture}.tar.gz"
    with tarfile.open(archive, "w:gz") as members:
        for name in ("pulumi", "pulumi-language-python"):
            data = f"#!/bin/sh\necho {name}\n".encode()
            member = tarfile.TarInfo(f"pulumi/{name}")
            member.size = len(data)
            members.addfile(member, io.BytesIO(data))
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    sums = folder / f"pulumi-{VERSION}-checksums.txt"
    sums.write_text(f"{'0' * 64}  another-file.zip\n{digest}  {archive.name}\n")
    return archive


def programs(folder: Path, monkeypatch: pytest.MonkeyPatch, **scripts: str) -> Path:
    """Put nothing but these shell scripts on PATH."""
    folder.mkdir()
    for name, script in scripts.items():
        path = folder / name.replace("_", "-")
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_a_release_is_unpacked(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_release(tmp_path / "releases")
    with serving(tmp_path / "releases") as url:
        monkeypatch.setattr(engine, "RELEASES", url)
        assert engine.download(VERSION) is None
    installed = cache / "bin" / "pulumi"
    assert installed.read_text() == "#!/bin/sh\necho pulumi\n"
    assert os.access(installed, os.X_OK)


def test_a_release_that_does_not_match_its_checksum_is_refused(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = a_release(tmp_path / "releases")
    archive.write_bytes(archive.read_bytes() + b"!")
    with serving(tmp_path / "releases") as url:
        monkeypatch.setattr(engine, "RELEASES", url)
        with pytest.raises(SetupError, match="does not match its published checksum"):
            engine.download(VERSION)
    assert not (cache / "bin").exists()


def test_a_release_that_cannot_be_had_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tmp_path) as url:
        monkeypatch.setattr(engine, "RELEASES", url)
        assert "404" in str(engine.download(VERSION))
    assert "refused" in str(engine.download(VERSION)), "nothing serves there any more"


def test_an_engine_on_path_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripts = {"pulumi": "echo v3.250.0", "pulumi_language_python": ""}
    programs(tmp_path / "bin", monkeypatch, **scripts)
    engine.install()
    assert not paths.binaries().exists()


@pytest.mark.parametrize(
    ("scripts", "problem"),
    [
        ({"pulumi": "echo v3.100.0", "pulumi_language_python": ""}, "is 3.100, older than 3.219"),
        ({"pulumi": "echo v3.250.0"}, "has no pulumi-language-python beside it"),
        ({"pulumi": "exit 1"}, "does not tell its version"),
    ],
)
def test_an_engine_that_will_not_do_is_named(
    scripts: dict[str, str],
    problem: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = programs(tmp_path / "bin", monkeypatch, **scripts)
    with serving(tmp_path / "bin") as url:
        monkeypatch.setattr(engine, "RELEASES", url)
        assert main(["engine"]) == 1
    said = capsys.readouterr().err
    assert f"the pulumi at {folder / 'pulumi'} {problem}" in said
    assert "the Pulumi engine has to be built from source, and Go is not installed" in said


def test_go_that_is_too_old_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs(tmp_path / "bin", monkeypatch, go="echo go version go1.19.8 linux/amd64")
    with pytest.raises(SetupError, match=r"too old \(go version go1\.19\.8"):
        golang.find_go("kube-apiserver")


def test_a_program_that_cannot_be_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs(tmp_path / "bin", monkeypatch)
    with pytest.raises(SetupError) as caught:
        system.ensure("a thing", programs=["no-such-thing"], packages=["thing"], instead="get it")
    assert str(caught.value) == (
        "a thing (no-such-thing) is not installed, and this is not Debian: get it"
    )


def test_only_root_can_use_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs(tmp_path / "bin", monkeypatch, apt_get="exit 0")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(SetupError, match="you are not root: get it"):
        system.ensure("a thing", programs=["no-such-thing"], packages=["thing"], instead="get it")


def test_what_is_fresh_is_not_made_again(tmp_path: Path) -> None:
    product, stamp = tmp_path / "product", tmp_path / "stamp"
    wanted = stamps.digest("a", "b")
    assert not stamps.is_fresh(stamp, wanted, product)
    stamps.write(stamp, wanted)
    assert not stamps.is_fresh(stamp, wanted, product), "the product is missing"
    product.touch()
    assert stamps.is_fresh(stamp, wanted, product)
    assert not stamps.is_fresh(stamp, stamps.digest("ab"), product), "the input is another"


def test_kubernetes_is_built_with_each_of_its_staging_modules() -> None:
    text = kubernetes.API_SERVER.go_mod()
    assert "require k8s.io/kubernetes v1.33.0\n" in text
    assert text.count("replace k8s.io/") == 31


def test_every_group_names_parts() -> None:
    assert {part for group in GROUPS.values() for part in group} == set(PARTS)
    assert main(["no-such-part"]) == 2
