"""The folder that Airflow reads its DAGs from: local, or wherever ZenML has a file system."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

from pulumi_zenml.errors import NotFoundError, PermissionDeniedError, ServiceError
from pulumi_zenml.orchestrators.airflow.http import SERVICE

if TYPE_CHECKING:
    from zenml.artifact_stores import BaseArtifactStore
    from zenml.models import ComponentResponse

ZIP = ".zip"

_PART = ".pulumi-zenml.part"
_END_RECORD = 22
_STALE_SECONDS = 3600.0


class Folder(ABC):
    """A flat folder of DAG zips, named by their DAG."""

    where: str
    """The folder as a person would write it."""

    @abstractmethod
    def verify(self) -> None:
        """Raise unless zips can be written here; changes nothing.

        Raises:
            ServiceError: with the remedy.
        """

    @abstractmethod
    def names(self) -> list[str]:
        """The DAG ids of all zips, in order."""

    @abstractmethod
    def read(self, name: str) -> bytes | None:
        """One zip, or ``None`` when it is not there."""

    @abstractmethod
    def write(self, name: str, data: bytes) -> None:
        """Write a zip atomically: a reader sees the old one or the new one."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove a zip; already deleted is success."""

    def holds(self, name: str, file: str) -> bool:
        """Whether a file that Airflow read is this zip, and not a copy of it.

        Args:
            name: the zip.
            file: the path that Airflow gives.
        """
        return False

    @abstractmethod
    def sweep(self) -> None:
        """Remove temporary files that an interrupted process left here."""


class LocalFolder(Folder):
    """A folder of this machine.

    A new zip gets the permissions that the umask allows, as ZenML's own zips do: Airflow mostly
    runs as another user, who must be able to read it.
    """

    def __init__(self, path: str) -> None:
        self.path = Path(os.path.expanduser(path))
        self.where = str(self.path)

    def verify(self) -> None:
        there = self.path
        while not there.exists() and there != there.parent:
            there = there.parent
        if not there.is_dir():
            raise ServiceError(
                SERVICE, f"the DAG folder {self.where} is not a folder: {there} is not one"
            )
        # A file without a name: access(2) is not reliable for root or a read-only mount.
        with _translated(f"write to the DAG folder {self.where}"), TemporaryFile(dir=there):
            pass

    def names(self) -> list[str]:
        with _translated(f"list {self.where}"):
            if not self.path.is_dir():
                return []
            return sorted(path.stem for path in self.path.iterdir() if path.suffix == ZIP)

    def read(self, name: str) -> bytes | None:
        path = self._path(name)
        with _translated(f"read {path}"):
            try:
                return path.read_bytes()
            except FileNotFoundError:
                return None

    def write(self, name: str, data: bytes) -> None:
        path = self._path(name)
        part = path.with_name(path.name + _PART)
        with _translated(f"write {path}"):
            self.path.mkdir(parents=True, exist_ok=True)
            try:
                with part.open("wb") as file:
                    with contextlib.suppress(FileNotFoundError):
                        os.fchmod(file.fileno(), stat.S_IMODE(path.stat().st_mode))
                    # Airflow reads any file that is a zip, whatever its name is (Airflow 3
                    # utils/file.py). Without its last bytes it is none.
                    file.write(data[:-_END_RECORD])
                    file.flush()
                    os.fsync(file.fileno())
                    file.write(data[-_END_RECORD:])
                os.replace(part, path)
            except BaseException:
                part.unlink(missing_ok=True)
                raise

    def remove(self, name: str) -> None:
        path = self._path(name)
        with _translated(f"remove {path}"):
            path.with_name(path.name + _PART).unlink(missing_ok=True)
            path.unlink(missing_ok=True)

    def holds(self, name: str, file: str) -> bool:
        paths = {str(self._path(name)), str(self._path(name).resolve())}
        return any(f"{file}/".startswith(f"{path}/") for path in paths)

    def sweep(self) -> None:
        self._sweep(f"*{_PART}")

    def _sweep(self, pattern: str) -> None:
        for path in self.path.glob(pattern):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > _STALE_SECONDS:
                    path.unlink()

    def _path(self, name: str) -> Path:
        return self.path / f"{name}{ZIP}"


class StagingFolder(LocalFolder):
    """Where ZenML writes new zips: private, and never read by Airflow."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)

    def sweep(self) -> None:
        self._sweep("*")


class RemoteFolder(Folder):
    """A folder in an object store, through ZenML's artifact store of the same kind.

    Args:
        path: a URL, for example ``s3://bucket/dags``.
        store: the artifact store whose file system and credentials to use.
    """

    def __init__(self, path: str, store: BaseArtifactStore) -> None:
        self.where = path.rstrip("/")
        self.store = store

    def verify(self) -> None:
        self.names()

    def names(self) -> list[str]:
        with _translated(f"list {self.where}"):
            try:
                found = [os.fsdecode(path) for path in self.store.listdir(self.where)]
            except FileNotFoundError:
                return []
        files = (path.rstrip("/").rpartition("/")[2] for path in found)
        return sorted(name.removesuffix(ZIP) for name in files if name.endswith(ZIP))

    def read(self, name: str) -> bytes | None:
        url = self._url(name)
        with _translated(f"read {url}"):
            try:
                with self.store.open(url, "rb") as file:
                    data: bytes = file.read()
            except FileNotFoundError:
                return None
        return data

    def write(self, name: str, data: bytes) -> None:
        url = self._url(name)
        with _translated(f"write {url}"), self.store.open(url, "wb") as file:
            file.write(data)
        if self.read(name) != data:
            raise ServiceError(SERVICE, f"{url} does not contain what was just written to it.")

    def remove(self, name: str) -> None:
        url = self._url(name)
        with _translated(f"remove {url}"), contextlib.suppress(FileNotFoundError):
            self.store.remove(url)

    def sweep(self) -> None:
        """Nothing: an object store shows only complete objects."""

    def _url(self, name: str) -> str:
        return f"{self.where}/{name}{ZIP}"


def open_folder(path: str, component: ComponentResponse) -> Folder:
    """The DAG folder ``path`` of an Airflow component.

    Args:
        path: a local path, or a URL of an artifact store's kind.
        component: the orchestrator, whose stacks are searched for that artifact store.

    Raises:
        NotFoundError: no stack with this orchestrator has such an artifact store.
    """
    from zenml.utils.io_utils import is_remote

    if not is_remote(path):
        return LocalFolder(path)
    return RemoteFolder(path, _store_for(path, component))


def staging_folder(component: ComponentResponse) -> StagingFolder:
    """The staging folder of an Airflow component, on this machine."""
    return StagingFolder(os.path.join(_airflow_home(component), "pulumi-zenml-staging"))


def default_folder(component: ComponentResponse) -> str:
    """Where ZenML writes zips when the component names no folder (zenml 0.98)."""
    return os.path.join(_airflow_home(component), "dags")


def _airflow_home(component: ComponentResponse) -> str:
    from zenml.utils.io_utils import get_global_config_directory

    return os.path.join(get_global_config_directory(), "airflow", str(component.id))


def _store_for(path: str, component: ComponentResponse) -> BaseArtifactStore:
    from zenml.artifact_stores import BaseArtifactStore
    from zenml.client import Client
    from zenml.enums import StackComponentType
    from zenml.stack import StackComponent
    from zenml.utils.pagination_utils import depaginate

    scheme = path.split("://", 1)[0] + "://"
    found: dict[str, Any] = {}
    with _translated(f"find an artifact store for {path}"):
        for stack in depaginate(Client().list_stacks, component_id=component.id, hydrate=True):
            for store in stack.components.get(StackComponentType.ARTIFACT_STORE, []):
                root = str(store.configuration.get("path", ""))
                if root.startswith(scheme):
                    found[root] = store
        if found:
            nearest = max(found, key=lambda root: _shared(root, path))
            made = StackComponent.from_model(found[nearest])
            assert isinstance(made, BaseArtifactStore)
            return made
    raise NotFoundError(
        SERVICE,
        f"the DAG folder {path} needs a ZenML artifact store that starts with {scheme}, and no "
        f"stack with the orchestrator '{component.name}' has one. Add one to a stack with it, or "
        "name a local `dag_output_dir` in zenml:orchestrators.",
    )


def _shared(one: str, other: str) -> int:
    """How many leading parts two URLs have in common."""
    pairs = zip(one.split("/"), other.split("/"), strict=False)
    return len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))


@contextlib.contextmanager
def _translated(doing: str) -> Iterator[None]:
    """Turn a file system's exceptions into our errors."""
    try:
        yield
    except ServiceError:
        raise
    except PermissionError as error:
        raise PermissionDeniedError(
            SERVICE, f"may not {doing}: {error.strerror or error}. Grant this user the permission."
        ) from error
    except Exception as error:  # every artifact store raises its own SDK's errors
        raise ServiceError(
            SERVICE, f"could not {doing}: {type(error).__name__}: {error}"
        ) from error
