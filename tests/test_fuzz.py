"""A few random command lines; `python tests/support/fuzz.py` asks for as many as there is time for."""

from random import Random

from fuzzing import written
from fuzzing.account import Account, watched

from gen_engine import load

LINES = ("话说天下大势，分久必合，合久必分。", "那时正是三月中旬，天气晴和。")


def served():
    return {"novel": load("novel")}


def test_random_command_lines_keep_their_rules_alone_and_together():
    rng, account = Random(1), Account()
    for _ in range(4):
        written.run(served(), [written.draw_prose(rng, LINES) for _ in range(3)], account, watched)
    assert not account.failures
    assert account.requests == 12


def test_a_text_that_breaks_its_rule_is_noticed():
    asked, account = written.draw_prose(Random(2), LINES), Account()
    broken = written.Asked("novel", asked.arguments, "novel", 1, lambda given, new: "wrong")
    written.run(served(), [broken], account, watched)
    assert account.counts["novel: violation"] == 1
