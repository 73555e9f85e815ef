"""ZenML's side of the quickstart: a store, a stack, a snapshot; and reading both sides."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path
from typing import Any


def prepare(dags: str) -> None:
    """Register a stack whose orchestrator is Airflow with a DAG folder, and make a snapshot."""
    from training import training
    from zenml.client import Client
    from zenml.enums import StackComponentType

    client = Client()
    configuration: dict[str, Any] = {"local": True, "dag_output_dir": dags}
    client.create_stack_component(
        name="quickstart",
        flavor="airflow",
        component_type=StackComponentType.ORCHESTRATOR,
        configuration=configuration,
    )
    client.create_stack(
        name="quickstart",
        components={
            StackComponentType.ORCHESTRATOR: "quickstart",
            StackComponentType.ARTIFACT_STORE: "default",
        },
    )
    client.activate_stack("quickstart")
    training.create_snapshot("v1")


def look(dags: str) -> None:
    """Print what is on each side, as one JSON object."""
    from zenml.client import Client

    records = [
        {"name": it.name, "cron": it.cron_expression, "active": it.active}
        for it in Client().list_schedules().items
    ]
    print(json.dumps({"records": records, "dags": _dags(Path(dags))}))


def edit(dags: str, cron: str) -> None:
    """Change the DAG by hand, as a colleague might."""
    (path,) = Path(dags).glob("*.zip")
    with zipfile.ZipFile(path) as old:
        files = {name: old.read(name) for name in old.namelist()}
    config = json.loads(files["config.json"])
    config["schedule"] = cron
    files["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as new:
        for name, content in files.items():
            new.writestr(name, content)


def _dags(folder: Path) -> list[dict[str, str]]:
    found = []
    for path in sorted(folder.glob("*.zip")):
        with zipfile.ZipFile(path) as dag:
            config = json.loads(dag.read("config.json"))
        found.append({"dag_id": config["id"], "schedule": config["schedule"]})
    return found


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["prepare", folder]:
            prepare(folder)
        case ["look", folder]:
            look(folder)
        case ["edit", folder, cron]:
            edit(folder, cron)
