"""Crontab text: what is ours is found and changed, everything else stays byte for byte."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_zenml.orchestrators.hyperai.crontab import CrontabEntry, drop, entries, put, setting

KEY = "0b8f6f0e-3f2a-4c1d-9b5e-7a6d5c4b3a21"
OTHER = "11111111-2222-3333-4444-555555555555"
COMMAND = f"bash /home/ml/scheduled-pipeline-runs/{KEY}/run_pipeline.sh"
LINE = f"0 3 * * 1-5 {COMMAND}"
ENTRY = CrontabEntry(KEY, COMMAND, cron="0 3 * * 1-5", owner="shop/prod/training")
BLOCK = f"# pulumi-zenml begin {KEY} owner=shop/prod/training\n{LINE}\n# pulumi-zenml end {KEY}\n"

# Whatever may stand in a crontab, lines of the same look as ours among them.
foreign_lines = st.one_of(
    st.text(st.characters(blacklist_characters="\n\0", blacklist_categories=["Cs"])),
    st.sampled_from(
        [
            'MAILTO=""',
            "#",
            "",
            "0 4 * * * backup %d\r",
            "\udcff \udc80",
            f"# note: {COMMAND} runs at night",
            "# pulumi-zenml begin not-an-id",
            "0 3 * * * bash /home/ml/run_pipeline.sh",
            f"LAST=0 3 * * * {COMMAND}",
        ]
    ),
).filter(lambda line: not entries(line))


@given(st.lists(foreign_lines), st.lists(foreign_lines))
def test_what_is_put_in_and_taken_out_leaves_no_trace(above: list[str], below: list[str]) -> None:
    before = "".join(f"{line}\n" for line in above)
    text = put(before, ENTRY)
    assert text == before + BLOCK

    after = "".join(f"{line}\n" for line in below)
    paused = put(text + after, replace(ENTRY, paused=True))
    assert paused == before + BLOCK.replace(LINE, f"#PAUSED {LINE}") + after
    assert drop(paused, KEY) == before + after


@given(st.text(min_size=1, max_size=60))
def test_an_owner_is_read_back_and_stays_in_its_line(owner: str) -> None:
    encoded = owner.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    entry = replace(ENTRY, owner=encoded)
    text = put("", entry)
    assert text.count("\n") == 3
    assert entries(text) == [entry]


@pytest.mark.parametrize("paused", [False, True])
@pytest.mark.parametrize("once", [None, datetime(2026, 12, 24, 9, tzinfo=UTC)])
def test_an_entry_is_read_back(paused: bool, once: datetime | None) -> None:
    entry = replace(ENTRY, cron="" if once else "*/5 * * * *", once=once, paused=paused)
    assert entries(put("SHELL=/bin/sh\n", entry)) == [entry]


def test_a_line_of_zenml_itself_is_found_and_given_markers_in_its_place() -> None:
    text = f"A=1\n{LINE}\nB=2\n"
    [found] = entries(text)
    assert found == replace(ENTRY, owner=None)
    assert put(text, ENTRY) == f"A=1\n{BLOCK}B=2\n"


@pytest.mark.parametrize("mark", ["#", "# ", "#PAUSED ", "#\t"])
def test_a_line_commented_out_by_hand_is_paused(mark: str) -> None:
    [found] = entries(BLOCK.replace(LINE, mark + LINE))
    assert found == replace(ENTRY, paused=True)


def test_changes_by_hand_are_seen_and_repaired() -> None:
    twice = BLOCK.replace(LINE, f"{LINE}\n0 4 * * * {COMMAND}")
    other_command = BLOCK.replace(COMMAND, f"nice {COMMAND} >/tmp/log 2>&1")
    no_end = BLOCK.replace(f"# pulumi-zenml end {KEY}\n", "")
    line_between = BLOCK.replace(LINE, f"0 9 * * * lunch\n{LINE}")
    empty = BLOCK.replace(f"{LINE}\n", "")
    assert "2 lines" in entries(twice)[0].problem
    assert "nice bash" in entries(other_command)[0].problem
    assert "no line" in entries(empty)[0].problem
    assert entries(line_between) == entries(no_end) == [ENTRY]
    for text in (twice, other_command, no_end, empty):
        assert put(text, ENTRY) == BLOCK
        assert drop(text, KEY) == ""
    assert drop(line_between, KEY) == "0 9 * * * lunch\n"


def test_others_and_notes_are_not_ours() -> None:
    other = BLOCK.replace(KEY, OTHER)
    note = f"# see {COMMAND}, which I wrote about yesterday\n"
    text = f"{other}{note}{BLOCK}"
    assert [entry.key for entry in entries(text)] == [OTHER, KEY]
    assert drop(text, KEY) == other + note
    assert str(UUID(entries(text)[0].key)) == OTHER


def test_a_text_without_a_last_line_feed_gets_one() -> None:
    assert put("A=1", ENTRY) == f"A=1\n{BLOCK}"


def test_settings_are_read_as_cron_reads_them() -> None:
    text = "PATH=/a\n# PATH=/b\n PATH = '/c d'\nOTHERPATH=/e\n0 1 * * * PATH=/f x\n"
    assert setting(text, "PATH") == "/c d"
    assert setting(text, "CRON_TZ") is None
