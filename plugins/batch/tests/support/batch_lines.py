"""Lines of batches for tests, and what becomes of them."""

import os
from dataclasses import replace

from gen_batch.messages import Line
from gen_batch.plan import Plan
from gen_batch.pool import work

PLAN = Plan(models=("poem",), rows=8, threads=1)

REFUSED = {"command": "poem", "prompt": "白日", "with": ["form=4x5", "only=白"]}
UNKNOWN = {"command": "poem", "no_such_field": 1}
DEADLY = {"command": "text", "prompt": "死", "max_new": 1}


def enveloped(custom_id="a", url="/v1/completions", **body):
    """A request of the completions protocol."""
    body = {"model": "poem", **({} if "messages" in body else {"prompt": "白日"}), **body}
    return {"custom_id": custom_id, "method": "POST", "url": url, "body": body}


def short(prompt="白日", **fields):
    """A command that is soon done."""
    return {"command": "text", "prompt": prompt, "max_new": 4, **fields}


def lines_of(*asked):
    """The lines of a file of these objects."""
    return [Line(number, each) for number, each in enumerate(asked)]


def mixed(count):
    """Lines of all kinds, the hard, the wrong and the long ones among the short."""
    kinds = (
        lambda n: short(max_new=1 + n % 7),
        lambda n: enveloped(f"c{n}", prompt=["春", "白日"], n=1 + n % 2, max_tokens=1 + n % 5),
        lambda n: REFUSED,
        lambda n: UNKNOWN,
        lambda n: short(seed=n, num=2),
        lambda n: enveloped(f"c{n}", logprobs=2, echo=True, max_tokens=2),
        lambda n: {"command": "couplet", "prompt": "春风", "id": f"对{n}"},
    )
    return lines_of(*(kinds[number % len(kinds)](number) for number in range(count)))


def answered(work, lines):
    """The answers in order. Each line has one."""
    found = list(work.answers(iter(lines)))
    assert sorted(each.index for each in found) == sorted(each.index for each in lines)
    return sorted(found, key=lambda answer: answer.index)


def answer_of(work, asked, index=0):
    """The record of one line."""
    [found] = work.answers([Line(index, asked)])
    return found.record


def deadly_work(connection, plan):
    """A process that dies of a line that asks for it."""
    from gen_batch import requests

    read = requests.Reader.read

    def read_or_die(self, line):
        if line.asked == DEADLY:
            os._exit(9)
        return read(self, line)

    requests.Reader.read = read_or_die
    work(connection, plan)


def barren_work(connection, plan):
    """A process that dies before it has a model."""
    connection.recv()
    os._exit(9)


def of(**settings):
    """The plan with other settings."""
    return replace(PLAN, **settings)
