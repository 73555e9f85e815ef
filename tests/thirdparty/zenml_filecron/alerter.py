"""A custom alerter: what it is told, it writes into a file."""

from __future__ import annotations

from pathlib import Path

from zenml.alerter import BaseAlerter, BaseAlerterConfig, BaseAlerterFlavor
from zenml.alerter.base_alerter import BaseAlerterStepParameters


class FileAlerterConfig(BaseAlerterConfig):
    """Where to write."""

    file: str


class FileAlerter(BaseAlerter):
    """Appends; says that it did not where there is a folder in place of the file."""

    def post(self, message: str, params: BaseAlerterStepParameters | None = None) -> bool:
        assert isinstance(self.config, FileAlerterConfig)
        path = Path(self.config.file)
        if path.is_dir():
            return False
        with path.open("a") as file:
            file.write(f"{message}\n")
        return True


class FileAlerterFlavor(BaseAlerterFlavor):
    """The flavor that ZenML registers."""

    @property
    def name(self) -> str:
        return "file"

    @property
    def config_class(self) -> type[FileAlerterConfig]:
        return FileAlerterConfig

    @property
    def implementation_class(self) -> type[FileAlerter]:
        return FileAlerter
