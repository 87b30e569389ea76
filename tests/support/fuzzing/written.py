"""Random command lines of the commands that write texts, and what their texts must be.

The rules are typed as options, and judged by checks that share no code with the constraints: verse by `independent`,
the rest by `trial_rules`. Options that must not matter to the rules are thrown in at random.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

import asking
import independent
import trial_rules

from fuzzing.account import WrongError
from gen_engine.cli.output import as_shown, record
from gen_engine.system.json_values import json_line
from gen_serve.engine_process.commands import task_of
from gen_serve.messages import CommandWish

MARKS = "，。,.！!？?、；;：:"
ENDS = "。！？…!?"


@dataclass(frozen=True)
class Asked:
    """A command line and its model; `wrong` tells what is wrong with a text, given its prompt; "" for nothing."""

    command: str
    arguments: tuple
    model: str
    seed: int
    wrong: Callable

    def __str__(self):
        return f"gen {self.command} --model {self.model} --seed {self.seed} {' '.join(map(repr, self.arguments))}"


# ------------------------------------------------------------------------------------------------ what is asked


def draw_verse(rng, world, tables):
    """A poem, words to a tune, or a couplet; half of them with rules that a real one obeys."""
    is_planted = world.poems and rng.random() < 0.5
    case = asking.planted_case(tables, rng, world) if is_planted else asking.free_case(rng, world)
    is_tiny = world.name.startswith("tiny")
    if is_tiny:  # no folder says what it can be told, and it has no token for an empty place
        case.wishes.pop("template", None)
    prompt = rng.choice(asking.prompts(rng, case, world)) if rng.random() < 0.5 else ""
    command, arguments = typed(case)
    arguments += [f"--prompt={prompt}"] if prompt else []
    arguments += ["--no-context"] * (is_tiny and command != "couplet") + beside(rng, is_verse=True, is_told=not is_tiny)

    def wrong(given, new):
        return ", ".join(independent.judge(tables, case.wishes, given, (given + new).translate(HALF)))

    return Asked(command, tuple(arguments), world.name, rng.randrange(2**32), wrong)


HALF = str.maketrans(",.", "，。")


def typed(case):
    """The command for the wishes of a case, and its arguments; what has no option of its own goes by --with."""
    wishes = case.wishes
    if wishes.get("couplet"):
        wishes["book"] = "pingshui" if wishes["book"] == "none" else wishes["book"]
        command = "couplet"
        found = {"cols": "，".join(map(str, wishes["couplet"])), "rhyme-book": wishes["book"]}
    elif wishes.get("tune"):
        command = "ci"
        names = {"tune": "tune", "variant": "variant", "book": "rhyme-book", "tones": "tones"}
        found = {option: wishes.get(name) for name, option in names.items()}
    else:
        command, found = "poem", form_options(wishes)
    if command != "couplet":
        found |= shared_options(wishes)
    arguments = [f"--{option}" if value is True else f"--{option}={value}" for option, value in found.items() if value]
    own = (
        "distinct_rhymes",
        "parallel",
        "no_repeat",
        *(("acrostic", "distinct", "require") if command == "couplet" else ()),
    )
    return command, arguments + [f"--with={spec}" for spec in case.processors if spec.partition("=")[0] in own]


def form_options(wishes):
    """The options for the shape of a poem."""
    if not wishes.get("form"):
        return {"rows": wishes["rows"], "cols": wishes["cols"]}
    names = {
        "form": "form",
        "tones": "tones",
        "book": "rhyme-book",
        "group": "rhyme",
        "start": "start",
        "first": "first",
    }
    found = {option: wishes.get(name) for name, option in names.items()}
    return found if independent.LINES[wishes["form"]][0] else {**found, "rows": wishes["rows"]}


def shared_options(wishes):
    """The options that poems and ci share."""
    kind = next((kind for kind in asking.ACROSTICS if wishes.get(kind)), None)
    return {
        "acrostic": wishes.get(kind) if kind else None,
        "acrostic-at": kind.split()[1] if kind and " " in kind else None,
        "template": wishes.get("template"),
        "require": wishes.get("require"),
        "forbid": wishes.get("ban"),
        "distinct": bool(wishes.get("distinct")),
    }


def beside(rng, *, is_verse, is_told=False):
    """Options that must not matter to the rules; `is_told` of a model that reads titles."""
    ways = ["--decoder=greedy", "--decoder=beam,width=3", "--decoder=smc,particles=4", "--beams=3", "--particles=3"]
    found = [rng.choice(ways)] if rng.random() < 0.2 else []
    soft = ["--temperature=0.7", "--temperature=1.8", "--top-k=5", "--top-p=0.8", "--with=min_p=0.05", "--fast",
            "--with=dry", "--draft=lookup", "--draft=ngram", "--num=2", "--context=春江花月夜"]  # fmt: skip
    if is_verse:
        soft += ["--best-of=1", "--best-of=3"]
    if is_told:
        soft.append(rng.choice(("--title=早春", "--author=李白", "--dynasty=宋", "--no-context")))
    found += rng.sample(soft, rng.choice((0, 0, 1, 1, 2, 3)))
    return [*found, "--patience=4"]


def draw_prose(rng, lines, models=("novel",)):
    """A continuation of a novel, of an exact length or to the end of a sentence, with or without a window."""
    line = rng.choice(lines)
    first = rng.randrange(len(line))
    prompt = rng.choice([line[:6], line[first : first + rng.randint(1, 20)]])
    count, by_sentence, window = rng.randint(1, 40), rng.random() < 0.3, rng.choice((None, None, 0, 3, 10, 25))
    arguments = [f"--prompt={prompt}", f"--len={count}"] + ["--end=sentence"] * by_sentence
    arguments += [f"--no-repeat={window}"] if window is not None else []
    arguments += beside(rng, is_verse=False)

    def wrong(given, new):
        if len(new) < count or (len(new) > count and not by_sentence):
            return f"{len(new)} characters instead of {count}"
        whole = given + new
        close = (n for n in range(len(given), len(whole)) if whole[n].isalpha() and window)
        twice = [whole[n] for n in close if whole[n] in whole[max(0, n - window) : n]]
        return f"{twice} twice within {window}" if twice else ""

    model = rng.choice(models)
    return Asked("novel", tuple(arguments), model, rng.randrange(2**32), wrong)


def draw_text(rng, alphabets):
    """Any rules on a text of any model."""
    model = rng.choice(sorted(alphabets))
    alphabet = alphabets[model]
    rules = trial_rules.draw_rules(rng, alphabet, alphabet, 0.1)
    prompt = rng.choice(("", trial_rules.some(rng, alphabet, 1, 8)))
    arguments = [f"--prompt={prompt}", f"--max-new={rng.choice(trial_rules.BUDGETS)}"]
    arguments += [f"--with={rule.spec}" for rule in rules] + beside(rng, is_verse=False)

    def wrong(given, new):
        broken = [rule.spec for rule in rules if not rule.obeys(trial_rules.Written(given, new))]
        return f"{broken} broken" if broken else ""

    return Asked("text", tuple(arguments), model, rng.randrange(2**32), wrong)


# ------------------------------------------------------------------------------------------------------ running


def run(engines, asked, account, watched):
    """Answer each command line alone, then all that were answered together, and judge every text that was drawn."""
    alone = []
    for each in asked:
        with watched(account, each.command, each):
            task = task_or_refusal(engines, each, account)
            if task is None:
                continue
            drawn = answered(task, each, account)
            if drawn is not None:
                check(task, drawn, each)
                account.add(each.command, "right")
                alone.append((each, task, drawn))
    if len(alone) > 1:
        with watched(account, "together", [str(each) for each, _, _ in alone]):
            compare(alone, account)


def task_or_refusal(engines, each, account):
    """What the command would write; None if it refuses the options."""
    import click

    from gen_engine.errors import GenError

    try:
        return task_of(CommandWish(each.command, each.arguments), each.model, engines, each.seed)[0]
    except (GenError, click.ClickException) as refused:
        sentence(str(refused.message if isinstance(refused, click.ClickException) else refused))
        account.add(each.command, "refused at once")
        return None


def answered(task, each, account):
    """The texts that are drawn; None if there are none, or nobody knows."""
    from gen_engine.errors import ConflictError, GenError, UndecidedError

    try:
        return task.engine.generate_batch([task.request])[0]
    except UndecidedError as refused:
        sentence(str(refused))
        account.add(each.command, "undecided")
    except ConflictError as refused:
        sentence(str(refused))
        if not refused.members:
            raise WrongError(f"a conflict of no members: {refused}") from refused
        account.add(each.command, "contradiction")
    except GenError as refused:
        sentence(str(refused))
        account.add(each.command, "refused")
    return None


def sentence(told):
    """Errors are told in words that end like a sentence."""
    if not told.strip() or "Something went wrong" in told or "Traceback" in told:
        raise WrongError(f"an error told as {told!r}")


def check(task, drawn, each):
    """Raise WrongError for a text that breaks a rule, and for one that does not add up."""
    if not drawn:
        raise WrongError("no text and no refusal")
    for done in drawn:
        given = done.text.removesuffix(done.new)
        may_be_empty = done.finish in ("end", "full", "stop") or is_silent(task, done)
        if given + done.new != done.text or not (done.new or may_be_empty):
            raise WrongError(f"{done.text!r} and {done.new!r} do not add up")
        if wrong := each.wrong(given, done.new):
            raise WrongError(f"{wrong}: {done.text!r}")
    for done, more in task.choosing.choose(iter(drawn)):
        told = json_line({**record(as_shown(done, task.show), task.show.lines), **task.beside, **more})
        json.loads(told, parse_constant=_no_number)


def is_silent(task, done):
    """Whether a text has tokens, and all of them print nothing, as special tokens do that no rule forbids."""
    surfaces = task.engine.tokenizer.vocabulary.surfaces
    return bool(done.tokens) and not any(surfaces[token] for token in done.tokens)


def _no_number(name):
    raise WrongError(f"{name} in JSON")


def compare(alone, account):
    """What is answered together is what was answered alone, to the last bit, unless --fast gave that up."""
    from gen_engine.errors import UndecidedError

    by_engine = {}
    for each, task, drawn in alone:
        if "--fast" not in each.arguments:
            by_engine.setdefault(id(task.engine), []).append((each, task, drawn))
    for group in by_engine.values():
        try:
            together = group[0][1].engine.generate_batch([task.request for _, task, _ in group])
        except UndecidedError:  # on a machine that is busier now
            account.add("together", "undecided (beside)")
            continue
        for (each, _, drawn), batched in zip(group, together, strict=True):
            account.add("together", "alike (beside)")
            if repr(drawn) != repr(batched):
                raise WrongError(f"alone {drawn} but together {batched} for {each}")
