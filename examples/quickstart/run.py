"""The quickstart: every step of a schedule's life with the real engine, narrated and checked.

Needs no server, no cloud account and no Docker. Everything happens in a temporary folder that is
removed at the end. Exits with 1 if a check fails.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]


class NotAsSaid(Exception):
    """A step did not have the expected result."""


class Quickstart:
    """One run in one temporary folder."""

    def __init__(self, folder: Path) -> None:
        self.dags = folder / "dags"
        self.dags.mkdir()
        self.started = time.monotonic()
        self.step = 0
        self.env = {
            **{name: it for name, it in os.environ.items() if not name.startswith("ZENML_")},
            "PULUMI_BACKEND_URL": f"file://{folder}",
            "PULUMI_CONFIG_PASSPHRASE": "quickstart",
            "PULUMI_HOME": str(folder / "pulumi"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "ZENML_ANALYTICS_OPT_IN": "false",
            "ZENML_CONFIG_PATH": str(folder / "zenml"),
            "ZENML_LOGGING_VERBOSITY": "ERROR",
        }
        self.config = folder / "Pulumi.quickstart.yaml"

    def run(self) -> None:
        """Every step, in order."""
        self.say("A ZenML store, a stack whose orchestrator is Airflow, and a pipeline's snapshot")
        self.world("prepare")
        self.pulumi("stack", "init", "quickstart", show=())

        self.say("pulumi preview: one schedule would be created; nothing is changed")
        self.pulumi("preview", show=(" + ", "to create"))
        self.expect(records=0, dags=0)

        self.say("pulumi up: the record in ZenML and the DAG in Airflow, together")
        self.pulumi("up", "--yes", "--skip-preview", show=("fires", "name", "native", " created"))
        self.expect(records=1, dags=1, cron="0 3 * * 1-5")

        self.say("pulumi preview again: nothing to do")
        self.pulumi("preview", "--expect-no-changes", show=("unchanged",))

        self.say("The cron changes: Pulumi shows a replace of both sides, and does it")
        self.pulumi("config", "set", "cron", "30 4 * * *", show=())
        self.pulumi("up", "--yes", show=("+-", "fires", "replaced"))
        self.expect(records=1, dags=1, cron="30 4 * * *")

        self.say("Somebody edits the DAG by hand; pulumi refresh shows the drift")
        self.world("edit", "0 9 * * *")
        self.pulumi("refresh", "--yes", "--skip-preview", "--diff", show=("~ cron", "updated"))

        self.say("pulumi up repairs it")
        self.pulumi("up", "--yes", "--skip-preview", show=("replaced",))
        self.expect(records=1, dags=1, cron="30 4 * * *")

        self.say("pulumi destroy, and a last check of both sides")
        self.pulumi("destroy", "--yes", "--skip-preview", show=(" deleted",))
        self.expect(records=0, dags=0)
        seconds = time.monotonic() - self.started
        print(f"\nDone in {seconds:.0f} seconds. Next: 'A first program' in README.md")

    def say(self, text: str) -> None:
        """Narrate a step."""
        self.step += 1
        print(f"\n\033[1m{self.step}. {text}\033[0m", flush=True)

    def pulumi(self, *arguments: str, show: tuple[str, ...]) -> None:
        """Run the engine's command line and show the lines that matter."""
        stack = () if arguments[:2] == ("stack", "init") else ("--stack", "quickstart")
        command = ["pulumi", *arguments, *stack, "--non-interactive", "--color", "never"]
        command += ["--config-file", str(self.config)] if arguments[0] != "stack" else []
        output = self.call(command, PROJECT)
        for line in dict.fromkeys(output.splitlines()):
            if any(text in line for text in show) and "ing (" not in line:
                print(f"   | {line.strip()}", flush=True)

    def world(self, verb: str, *arguments: str) -> str:
        """Do something on ZenML's side, in a process of its own."""
        return self.call([sys.executable, "world.py", verb, str(self.dags), *arguments], HERE)

    def call(self, command: list[str], folder: Path) -> str:
        """Run a command; its output is shown only when it fails."""
        done = subprocess.run(
            command, cwd=folder, env=self.env, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise NotAsSaid(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def expect(self, *, records: int, dags: int, cron: str | None = None) -> None:
        """Read both sides and compare."""
        found: dict[str, list[dict[str, Any]]] = json.loads(
            self.world("look").strip().splitlines()[-1]
        )
        shown = [f"{it['name']} ({it['cron']})" for it in found["records"]]
        print(f"   ZenML:   {', '.join(shown) or 'no schedule'}")
        shown = [f"{it['dag_id']} ({it['schedule']})" for it in found["dags"]]
        print(f"   Airflow: {', '.join(shown) or 'no DAG'}", flush=True)
        counts = len(found["records"]), len(found["dags"])
        crons = {it["cron"] for it in found["records"]} | {it["schedule"] for it in found["dags"]}
        if counts != (records, dags) or crons != ({cron} if cron else set()):
            raise NotAsSaid(f"expected {records} record(s), {dags} DAG(s), {cron}; got {found}")


def main() -> int:
    """Run the quickstart; the exit code."""
    with tempfile.TemporaryDirectory(prefix="quickstart-") as folder:
        try:
            Quickstart(Path(folder)).run()
        except NotAsSaid as error:
            print(f"\nThe check failed: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
