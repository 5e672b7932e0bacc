"""The soak fails when the thing breaks: made-up servers, made-up calls, made-up leaks."""

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import pytest

from soak import raw_readers, readers
from soak.clients import open_clients
from soak.holdings import INHERITED_PIPES, MEMORY_TOLERANCE_BYTES, OBJECTS_TOLERANCE, Holdings, most
from soak.kinds import Kind
from soak.made_up_server import BODY_END, DONE, PID, made_up_server
from soak.reading import End, Fault, Reading, Sort
from soak.traffic import Traffic
from soak.verdict import Interruptions, Verdict

ALL: Final = range(5)

every_reader = pytest.mark.parametrize(
    "reader",
    [readers.stream, readers.execute, readers.events, readers.slow, raw_readers.raw],
    ids=lambda reader: reader.__name__,
)


def judge_call(
    reader: readers.Reader,
    numbers: Sequence[int],
    *ends: bytes,
    hangs: bool = False,
    run_offset: int = 0,
    killed: int | None = None,
) -> list[Fault]:
    """The faults of one call of five chunks that is answered so."""
    interruptions = Interruptions({killed} if killed else set())
    verdict = Verdict(interruptions)

    async def call() -> None:
        async with (
            made_up_server(numbers, *ends, hangs=hangs, run_offset=run_offset) as url,
            open_clients(url) as clients,
        ):
            # Only a call that hangs by design may reach a bound as short as this.
            bound = {"call_bound_s": 0.2} if hangs else {}
            traffic = Traffic(clients, verdict, 1, itertools.count(1), {}, **bound)
            kind = Kind("made up", reader, chunks=(len(ALL), len(ALL)))
            await traffic.make(kind, traffic.make_reading(kind))

    asyncio.run(call())
    assert verdict.rows["made up"].calls == 1
    return verdict.faults


def sorts(faults: list[Fault]) -> set[Sort]:
    return {fault.sort for fault in faults}


@every_reader
def test_a_whole_stream_is_no_fault(reader: readers.Reader) -> None:
    assert judge_call(reader, ALL, DONE, BODY_END) == []


@every_reader
def test_a_lost_chunk_is_found(reader: readers.Reader) -> None:
    assert sorts(judge_call(reader, [0, 1, 3, 4], DONE, BODY_END)) == {Sort.LOST}


@every_reader
def test_a_doubled_chunk_is_found(reader: readers.Reader) -> None:
    assert sorts(judge_call(reader, [0, 1, 1, 2, 3, 4], DONE, BODY_END)) == {Sort.DOUBLED}


@every_reader
def test_a_stream_that_says_done_too_early_is_found(reader: readers.Reader) -> None:
    assert sorts(judge_call(reader, [0, 1, 2], DONE, BODY_END)) == {Sort.FALSELY_COMPLETE}


@every_reader
def test_a_stream_that_hangs_is_found_and_named(reader: readers.Reader) -> None:
    [fault] = judge_call(reader, [0, 1, 2], hangs=True)
    assert fault.sort is Sort.HUNG
    assert fault.text.startswith("call 1 (made up) is hung after ")


@every_reader
def test_chunks_of_another_call_are_found(reader: readers.Reader) -> None:
    assert sorts(judge_call(reader, ALL, DONE, BODY_END, run_offset=1)) == {Sort.MIXED_UP}


@every_reader
@pytest.mark.parametrize("ends", [(), (BODY_END,)], ids=["cut body", "whole body without done"])
def test_a_cut_is_a_fault_unless_its_worker_was_killed(
    reader: readers.Reader, ends: tuple[bytes, ...]
) -> None:
    faults = judge_call(reader, [0, 1, 2], *ends)
    if reader is raw_readers.raw and ends:
        # On a bare socket it can be seen that the server has ended the body itself.
        assert sorts(faults) == {Sort.FALSELY_COMPLETE}
        return
    assert sorts(faults) == {Sort.CUT}
    assert judge_call(reader, [0, 1, 2], *ends, killed=PID) == []
    assert sorts(judge_call(reader, [0, 1, 2], *ends, killed=PID + 1)) == {Sort.CUT}


@pytest.mark.parametrize(("numbers", "sort"), [([0, 2], Sort.LOST), ([0, 0], Sort.DOUBLED)])
def test_what_is_wrong_before_a_cut_is_no_less_wrong(numbers: list[int], sort: Sort) -> None:
    assert sorts(judge_call(readers.stream, numbers, killed=PID)) == {sort}


def reading(began_s: float, ended_s: float, end: End = End.CUT) -> Reading:
    return Reading("made up", 1, began_s=began_s, ended_s=ended_s, end=end)


@pytest.mark.parametrize(
    ("began_s", "ended_s", "is_excused"),
    [(1, 9, False), (9, 11, True), (12, 13, True), (19, 30, True), (21, 22, False), (1, 99, True)],
)
def test_a_call_without_a_chunk_may_be_cut_only_while_workers_are_replaced(
    began_s: float, ended_s: float, is_excused: bool
) -> None:
    interruptions = Interruptions(windows=[(10, 20)])
    verdict = Verdict(interruptions)
    verdict.judge(reading(began_s, ended_s))
    assert sorts(verdict.faults) == (set() if is_excused else {Sort.CUT})


def test_a_call_without_a_chunk_may_be_cut_while_the_replacing_goes_on() -> None:
    interruptions = Interruptions()
    interruptions.begin(10)
    assert interruptions.excuse(reading(1, 11))
    assert not interruptions.excuse(reading(1, 9))
    interruptions.end(20)
    assert not interruptions.excuse(reading(21, 22))


def test_a_refusal_where_a_stream_was_due_is_found() -> None:
    verdict = Verdict(Interruptions())
    verdict.judge(reading(1, 2, End.REFUSED))
    assert sorts(verdict.faults) == {Sort.ENDED_WRONGLY}


AT_START: Final = Holdings(1, {"socket": 5, "pipe": 9}, {"main": 1}, {"Stream": 1, "dict": 9}, 1 << 20)

LEAKS: Final = {
    "descriptors socket: 6": replace(AT_START, descriptors={"socket": 6}),
    "descriptors pipe: 18": replace(AT_START, descriptors={"pipe": 10 + INHERITED_PIPES}),
    "descriptors a file: 1": replace(AT_START, descriptors={"a file": 1}),
    "tasks main: 2": replace(AT_START, tasks={"main": 2}),
    "tasks other: 1": replace(AT_START, tasks={"main": 1, "other": 1}),
    "Stream objects: 2": replace(AT_START, kinds={"Stream": 2}),
    "traceback objects: 1": replace(AT_START, kinds={"traceback": 1}),
    "Python objects: ": replace(AT_START, kinds={"dict": 11 + OBJECTS_TOLERANCE}),
    "memory: ": replace(AT_START, resident_bytes=(2 << 20) + MEMORY_TOLERANCE_BYTES),
}


@pytest.mark.parametrize("told", LEAKS)
def test_what_is_not_given_back_is_found(told: str) -> None:
    [line] = LEAKS[told].differences(AT_START)
    assert f"holds more than at its start: {told}" in line


def test_a_process_that_holds_less_has_no_fault() -> None:
    less = Holdings(2, {"socket": 4}, {}, {}, 0)
    assert less.differences(AT_START) == AT_START.differences(AT_START) == []
    assert most([less, AT_START]) == replace(AT_START, pid=0)


def test_the_verdict_says_what_was_wrong() -> None:
    verdict = Verdict(Interruptions())
    assert verdict.summary(7) == (
        "0 lost, 0 doubled, 0 hung; descriptors, tasks and memory back at their start (seed 7)"
    )
    verdict.add_fault(Sort.HUNG, "call 1")
    verdict.add_fault(Sort.LEFT_OVER, "a task")
    assert verdict.summary(7) == (
        "0 lost, 0 doubled, 1 hung; descriptors, tasks and memory not all back at their start (seed 7)"
    )
    verdict.add_fault(Sort.CUT, "call 2")
    assert "1 hung, 1 other faults; " in verdict.summary(7)
