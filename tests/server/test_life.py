"""A handler's life while its client stays: how streams end, and what may be sent."""

from server.actions.life import SENDERS, SENT_BY_EACH
from server.served import DONE, Served, chunk_frame


def test_a_handler_that_returns_has_closed(granian: Served) -> None:
    assert granian.call("forgets-close").body == chunk_frame(1) + DONE
    assert granian.call("sends-nothing").body == DONE


def test_closing_twice_is_fine(granian: Served) -> None:
    assert granian.call("closes-twice").body == chunk_frame(False) + DONE


def test_sending_after_close_raises(granian: Served, run: str) -> None:
    assert granian.call("sends-after-close", {"run": run}).body == chunk_frame(1) + DONE
    assert granian.wait_for_note(run, "raised")["error"] == "StreamClosedError"


def test_a_handler_may_go_on_after_close(granian: Served, run: str) -> None:
    with granian.open("works-after-close", {"run": run}) as client:
        assert client.read_body() == DONE
        granian.wait_for_note(run, "written")
        granian.say(run, "go")
        granian.wait_for_note(run, "finished")


def test_a_handler_goes_on_after_close_though_its_client_leaves(granian: Served, run: str) -> None:
    with granian.open("works-after-close", {"run": run}) as client:
        assert client.read_body() == DONE
    granian.wait_for_note(run, "written")
    granian.say(run, "go")
    granian.wait_for_note(run, "finished")


def test_others_can_wait_for_the_end(granian: Served, run: str) -> None:
    assert granian.call("waits-closed", {"run": run}).chunks() == [1]
    granian.wait_for_note(run, "waited again")
    assert granian.notes(run) == ["waited", "waited again"]


def test_each_yield_is_a_send(granian: Served) -> None:
    assert granian.call("generates").body == b"".join(map(chunk_frame, range(3))) + DONE
    assert granian.call("generates-and-sends").chunks() == ["yielded", "sent", "yielded again"]


def test_chunks_of_all_kinds(granian: Served) -> None:
    assert granian.call("sends-kinds").chunks() == [
        None,
        True,
        1.5,
        "text",
        [1, [2]],
        {"a": {"b": None}},
        {"x": 1, "y": 2},
        {"fileName": "a.pdf"},
        {"at": "2026-01-02T00:00:00Z", "id": "00000000-0000-0000-0000-000000000001", "colour": "red"},
        {"1": "a number as a key"},
        2**70,
    ]


def test_an_output_type_serialises(granian: Served) -> None:
    assert granian.call("sends-model").body == (
        b'data: {"fileName":"a.pdf"}\n\ndata: {"fileName":"b.pdf"}\n\n' + DONE
    )


def test_a_refused_chunk_leaves_no_trace(granian: Served) -> None:
    assert granian.call("survives-unsendable").chunks() == [
        "before",
        "InvalidChunkError",
        "InvalidChunkError",
        "after",
    ]


def test_the_event_is_the_request(granian: Served) -> None:
    headers = {"x-header": "value", "cookie": "cookie=biscuit"}
    assert granian.call("describes-call?q=a%20b", {"a": 1}, headers=headers).chunks() == [
        {
            "header": "value",
            "cookie": "biscuit",
            "client": "127.0.0.1",
            "query": "a b",
            "method": "POST",
            "body": {"a": 1},
            "gone": False,
        }
    ]


def test_several_tasks_may_send_at_once(granian: Served) -> None:
    chunks = granian.call("sends-together").chunks()
    assert len(chunks) == SENDERS * SENT_BY_EACH
    for sender in range(SENDERS):
        assert [i for who, i, _ in chunks if who == sender] == list(range(SENT_BY_EACH))


def test_a_sender_is_told_when_another_task_closes(granian: Served) -> None:
    assert set(granian.call("closes-beside-a-sender").chunks()) == {"x"}
