"""A worker without a model: what it answers is known, and it answers in any order."""

import random
from dataclasses import dataclass, field
from itertools import islice

from gen_batch.files.kinds import kind_of, out_form
from gen_batch.files.places import place_of
from gen_batch.jobs import Job
from gen_batch.messages import Answer
from gen_batch.plan import Plan


def answer_of(line, seed):
    """An answer that depends on the whole line and the seed; an error if the line has a problem or asks for one."""
    problem = line.problem or line.asked.get("fail", "")
    told = {"error": {"message": problem}} if problem else {"text": f"{line.asked.get('prompt', '')}春", "seed": seed}
    name = line.asked.get("id")
    named = {"id": line.index + 1 if name is None else name}
    return Answer(line.index, {**named, **told}, is_error=bool(problem), tokens=1)


@dataclass
class ToldWork:
    """Answers `ahead` lines at a time, shuffled; `died` lines are never answered; remembers what it was asked."""

    plan: Plan
    ahead: int = 3
    died: frozenset = frozenset()
    asked: list = field(default_factory=list)
    rounds: int = 0
    is_closed: bool = False

    def answers(self, lines):
        """The answers of each few lines in another order."""
        rest = iter(lines)
        self.rounds += 1
        while few := list(islice(rest, self.ahead)):
            self.asked += [line.index for line in few]
            random.Random(len(self.asked)).shuffle(few)
            yield from (answer_of(line, self.plan.seed) for line in few if line.index not in self.died)

    def close(self):
        """Remember it."""
        self.is_closed = True


def job(source, out, *, work=ToldWork, **more):
    """A job between two files, without models."""
    plan = more.pop("plan", Plan(models=()))
    kinds = kind_of(str(source)), out_form(str(out))
    return Job(place_of(str(source)), kinds[0], place_of(str(out)), kinds[1], "auto", plan, work, **{"seed": 1, **more})
