"""Which windows a call reads: equal ones once, beginnings with what continues them, and on from what is known."""

from gen_nextchar.windows import AT_ONCE, Window, in_portions, plan


def planned(asked, parents=None, grows=True):
    asked = [[tuple(window) for window in row] for row in asked]
    return plan(asked, parents or [None] * len(asked), lambda window: len(window) - 1, grows=grows)


def test_equal_windows_are_read_once():
    windows, answers = planned([["ab"], ["ab"], ["b"]])
    assert ["".join(window.tokens) for window in windows] == ["ab", "b"]
    assert answers == [(windows[0], 0), (windows[0], 0), (windows[1], 0)]


def test_a_growing_window_answers_for_its_beginnings():
    (window,), answers = planned([["a", "ab", "abc"]])
    assert window.tokens == ("a", "b", "c")
    assert [window.wanted[which] for _, which in answers] == [0, 1, 2]


def test_where_tokens_see_both_ways_each_window_is_read():
    windows, _ = planned([["a", "ab"]], grows=False)
    assert [len(window.tokens) for window in windows] == [2, 1]


def test_a_window_goes_on_from_what_it_begins_with():
    parent = Window(("a", "b"))
    windows, _ = planned([["abc"], ["abd"], ["ab"], ["xbc"]], [parent] * 4)
    assert [window.new for window in windows] == [("c",), ("d",), ("a", "b"), ("x", "b", "c")]


def test_a_place_that_was_read_before_is_read_again():
    windows, answers = planned([["a", "ab", "abc"]], [Window(("a", "b"))])
    assert [window.new for window in windows] == [("c",), ("a", "b")]
    assert [window.tokens[: window.wanted[which] + 1] for window, which in answers] == [
        tuple("abc"[:n]) for n in (1, 2, 3)
    ]


def test_portions_are_bounded_and_lose_nothing():
    windows = [Window(tuple(range(count))) for count in (AT_ONCE, 1, AT_ONCE - 1, 1, 2 * AT_ONCE, 3)]
    portions = list(in_portions(windows))
    assert [len(portion) for portion in portions] == [1, 2, 1, 1, 1]
    assert [window for portion in portions for window in portion] == windows
