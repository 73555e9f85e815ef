"""`pulumi-zenml cron`: in this process, and once as users run it."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pulumi_zenml.cadence import DIALECTS
from pulumi_zenml.cadence.table import capability_tables
from pulumi_zenml.cli import main

ROOT = Path(__file__).parents[3]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main(["cron", *words])
    assert isinstance(ended.value.code, int)
    return subprocess.CompletedProcess(words, ended.value.code, out.getvalue(), err.getvalue())


def said(*words: str) -> Any:
    told = run(*words, "--json")
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


def test_next_prints_instants_in_utc() -> None:
    told = said(
        "next", "0 3 * * 1-5", "--timezone", "Europe/Berlin",
        "--from", "2026-11-23T12:00:00+00:00", "--count", "2",
    )  # fmt: skip
    assert told == {"next": ["2026-11-24T02:00:00+00:00", "2026-11-25T02:00:00+00:00"]}


def test_next_without_json_is_one_a_line() -> None:
    words = ("next", "@daily", "--from", "2026-11-23T12:00:00Z", "--count", "2")
    command = [sys.executable, "-m", "pulumi_zenml.cli", "cron", *words]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert told.stdout == "2026-11-24T00:00:00+00:00\n2026-11-25T00:00:00+00:00\n"


def test_next_from_now_on() -> None:
    assert len(said("next", "* * * * *", "--count", "3")["next"]) == 3


def test_explain_in_words_with_a_warning_at_the_clock_change() -> None:
    when = ("--timezone", "Europe/Berlin", "--from", "2027-03-27T12:00:00+00:00")
    words = ("explain", "30 2 * * *", *when, "--next", "2")
    told = said(*words)
    assert told["words"] == "At 02:30 every day, Europe/Berlin"
    assert [fire["utc"] for fire in told["next"]] == [
        "2027-03-28T01:00:00+00:00",
        "2027-03-29T00:30:00+00:00",
    ]
    assert [fire["dst"] for fire in told["next"]] == ["shifted", None]
    assert "does not exist" in told["next"][0]["warning"]
    plain = run(*words).stdout.splitlines()
    assert plain[0] == told["words"]
    assert "Sun 2027-03-28 03:00:00 CEST  2027-03-28 01:00:00 UTC  ! 02:30" in plain[1]


def test_explain_as_a_system_does_it() -> None:
    told = said(
        "explain", "30 2 * * *", "--timezone", "Europe/Berlin", "--next", "1",
        "--from", "2027-03-27T12:00:00+00:00", "--system", "kubernetes",
    )  # fmt: skip
    assert told["next"][0]["utc"] == "2027-03-29T00:30:00+00:00"
    assert told["next"][0]["dst"] == "skipped"


@pytest.mark.parametrize(
    ("system", "text"),
    [
        ("kubernetes", "0 3 * * 1-5"),
        ("eventbridge", "cron(0 3 ? * MON,TUE,WED,THU,FRI *)"),
        ("quartz", "0 0 3 ? * MON,TUE,WED,THU,FRI"),
        ("azureml", "0 3 * * 1,2,3,4,5"),
        ("kubeflow", "0 0 3 * * 1-5"),
        ("vertex", "TZ=UTC 0 3 * * 1-5"),
    ],
)
def test_translate_prints_the_native_spelling(system: str, text: str) -> None:
    told = run("translate", "0 3 * * 1-5", "--to", system)
    assert (told.returncode, told.stdout) == (0, f"{text}\n")
    as_json = said("translate", "0 3 * * 1-5", "--to", system)
    assert as_json["native"] == text
    assert as_json["fields"]


def test_translate_refuses_with_reason_and_alternatives() -> None:
    words = ("translate", "0 0 13 * 5", "--to", "quartz")
    told = run(*words)
    assert (told.returncode, told.stdout) == (2, "")
    assert "day of the week" in told.stderr and "Instead:" in told.stderr
    assert "Traceback" not in told.stderr and told.stderr.count("\n") == 1
    as_json = run(*words, "--json")
    assert as_json.returncode == 2
    refusal = json.loads(as_json.stdout)
    assert refusal["property"] == "cron"
    assert refusal["alternatives"] == ['`cron="0 0 13 * *"`', '`cron="0 0 * * 5"`']


def test_translate_says_what_the_system_does_otherwise() -> None:
    told = run("translate", "30 2 * * *", "--to", "kubernetes", "--timezone", "Europe/Berlin")
    assert told.stdout == "30 2 * * * Europe/Berlin\n"
    assert told.stderr.count("note: When the clock of Europe/Berlin") == 2


def test_translate_for_a_host() -> None:
    told = run(
        "translate", "30 2 * * *", "--to", "crontab", "--timezone", "Europe/Berlin",
        "--host-timezone", "Europe/Berlin",
    )  # fmt: skip
    assert told.stdout == "30 2 * * * Europe/Berlin\n"


@pytest.mark.parametrize(
    "expr",
    [
        "0 3 * * *",
        "*/15 * * * *",
        "0 3 * * 1-5",
        "0 3 * * 0",
        "0 3 * * 7",
        "0 9 * * 5-7",
        "0 0 * * */2",
        "0 9 1,15 * *",
        "30 2 */2 * *",
        "5 4 * 1,6 *",
        "0 0 13 * 5",
        "every 2 hours from 2026-12-01T09:00:00+00:00",
        "once at 2026-12-01T09:00:00+00:00",
    ],
)
def test_translate_to_all_answers_or_gives_its_reasons(expr: str) -> None:
    rows = said("translate", expr, "--to", "all")["systems"]
    assert [row["system"] for row in rows] == list(DIALECTS)
    for row in rows:
        assert (row.get("native") and row["fields"]) or (row["reason"] and row["alternatives"])
    plain = run("translate", expr, "--to", "all")
    assert plain.returncode == 0
    assert all(f"\n{name} " in f"\n{plain.stdout}" for name in DIALECTS)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("explain", "61 3 * * *"), "cron: minute `61`"),
        (("next", "0 3 * * *", "--timezone", "Europe/Berln"), "Europe/Berlin"),
        (("next", "0 3 * * *", "--from", "yesterday"), "--from"),
        (("next", "0 3 * * *", "--from", "2026-01-01T00:00:00"), "no time zone"),
        (("translate", "nonsense", "--to", "all"), "has 1 fields"),
        (("translate", "0 3 * * *", "--to", "nowhere"), "is not one of"),
        (("next", "H 3 * * *"), "the schedule's name"),
        (("next", "every 2 moons from 2026-12-01T09:00:00Z"), "`moons`"),
    ],
)
def test_mistakes_are_one_line_and_exit_2(words: tuple[str, ...], reason: str) -> None:
    told = run(*words)
    assert told.returncode == 2
    assert reason in told.stderr
    assert "Traceback" not in told.stderr and not told.stdout


def test_hashed_fields_take_the_name() -> None:
    told = said("explain", "H 3 * * *", "--name", "daily-training-prod", "--next", "0")
    assert told["cron"] == "1 3 * * *"


def test_imports_neither_zenml_nor_an_sdk() -> None:
    """The command starts at once, and works where only the package is installed."""
    script = (
        "import sys\n"
        "from pulumi_zenml.cli import cli\n"
        "cli.main(['cron', 'translate', '0 3 * * *', '--to', 'all'], standalone_mode=False)\n"
        "heavy = {'zenml', 'pulumi', 'boto3', 'kubernetes', 'kfp', 'rich', 'httpx', 'pydantic'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert told.stderr == "[]\n"


def test_the_table_in_the_docs_is_what_the_code_says() -> None:
    page = (ROOT / "docs" / "cadence.md").read_text(encoding="utf-8")
    _, _, rest = page.partition("<!-- pulumi-zenml cron systems -->\n")
    table, _, _ = rest.partition("<!-- end -->")
    assert table.strip() == capability_tables().strip(), (
        "put the output of `pulumi-zenml cron systems` between the two marks"
    )
    assert run("systems").stdout == capability_tables()
