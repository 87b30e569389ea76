"""Requests that come and go at any step of a scheduler; the tests, and the long trials, send their traffic through it.

`python arrivals.py COUNT` lets so many requests arrive at random at the shipped poems, and prints what came of it.
"""

import json
import random
import sys
from dataclasses import dataclass, field

import torch
from transformers import GPT2Config, GPT2LMHeadModel

import gen_engine as gen
from gen_engine.engine import Engine, load
from gen_engine.models import loading as transformers_lm

STEP = "step"
POSITIONS = 16
DECODERS = ("sample", "sample", "greedy", "beam,width=3", "smc,particles=3")
RULES = ("no_unk", "no_special")
CHAINS = ((), ("top_k=50",), ("no_repeat=9", "top_p=0.9"), ("form=五绝,tones=loose",), ("ban=山|水", "temperature=0.8"))


@dataclass
class Watched:
    """A model that notes, for each call, how many new tokens each row reads and how many it holds then."""

    model: object
    read: list = field(default_factory=list)
    held: list = field(default_factory=list)
    fails_at: int = -1

    def __getattr__(self, name):
        return getattr(self.model, name)

    def feed(self, cache, parents, keep, tokens, *more):
        if len(self.read) == self.fails_at:
            self.fails_at = -1
            raise RuntimeError("out of memory")
        self.read.append([len(new) for new in tokens])
        self.held.append([kept + len(new) for kept, new in zip(keep, tokens, strict=True)])
        return self.model.feed(cache, parents, keep, tokens, *more)


def serve(scheduler, actions):
    """Submit requests, cancel tickets (by number) and step, as `actions` say, then step to the end.

    The tickets, and what each of them sent.
    """
    tickets, sent = [], {}

    def step():
        for ticket, each in scheduler.step():
            sent.setdefault(ticket, []).append(each)

    for action in actions:
        if action == STEP:
            step()
        elif isinstance(action, int):
            if action < len(tickets):
                scheduler.cancel(tickets[action])
        else:
            tickets.append(scheduler.submit(action))
    while not scheduler.is_idle:
        step()
    return tickets, [sent.get(ticket, []) for ticket in tickets]


def texts(sent):
    """The completions among what a ticket sent, in the order of their samples, as words."""
    done = [each.completion for each in sent if getattr(each, "completion", None) is not None]
    return [repr(each) for each in sorted(done, key=lambda each: each.sample)]


def facts(engine, request):
    """The same of a request alone."""
    return [repr(done) for done in engine.generate_batch([request])[0]]


def gpt2_models(folder):
    """The same tiny weights of few positions over the letters a to p, run by the plugin and by transformers."""
    torch.manual_seed(0)
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnop"]
    config = GPT2Config(n_positions=POSITIONS, n_embd=16, n_layer=2, n_head=2, vocab_size=21, initializer_range=0.5)
    config.bos_token_id, config.eos_token_id = 2, 3
    GPT2LMHeadModel(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    return [load(folder, dtype="float32").model, transformers_lm.load(folder, name="t", dtype="float32")]


# ------------------------------------------------------------------------------------------------ the long trials


def poems(count, chance):
    """Requests of random prompts, chains, decoders, numbers and lengths."""
    found = []
    for seed in range(count):
        chain = chance.choice(CHAINS)
        verse = any(name.startswith("form") for name in chain)
        prompt = "".join(chance.choices("春夏秋冬白日青山明月夜花", k=1 if verse else chance.choice([1, 1, 2, 3, 12])))
        decoder, most = chance.choice(DECODERS), 24 if verse else chance.randint(0, 9)
        context = chance.choice(["", "", "", "咏柳"])
        found.append(
            gen.Request(
                prompt, (*RULES, *chain), chance.randint(1, 2), seed, most, decoder, context="" if verse else context
            )
        )
    return found


def traffic(wanted, chance, leaving=0.0):
    """The requests in this order, with steps between them; some are cancelled a little later."""
    actions = []
    for number, request in enumerate(wanted):
        actions += [request, *[STEP] * chance.choice([0, 0, 0, 1, 2])]
        if chance.random() < leaving:
            actions.append(chance.randint(max(0, number - 20), number))
    return actions


def trial(count, leaving=0.1, rows=64, seed=0):
    """How many requests of a random traffic at the shipped poems ended, were cancelled, and differ from alone."""
    chance = random.Random(seed)
    engine = gen.load("poem")
    watched = Watched(engine.model)
    wanted = poems(count, chance)
    scheduler = Engine(watched, engine._chains).scheduler(rows=rows, in_pieces=False)
    tickets, sent = serve(scheduler, traffic(wanted, chance, leaving))
    differ = gone = 0
    for request, ticket, each in zip(wanted, tickets, sent, strict=True):
        gone += ticket.state == "cancelled"
        alone = facts(engine, request)
        found = texts(each)
        differ += not set(found) <= set(alone) if ticket.state == "cancelled" else found != alone
    most = max(map(len, watched.held))
    return {"requests": count, "cancelled": gone, "differ": differ, "passes": len(watched.held), "most rows": most}


def arranged(count, arrangements, rows=64):
    """How many of the same requests at the shipped poems differ between arrangements of their arrival."""
    engine = gen.load("poem")
    wanted = poems(count, random.Random(1))
    first, differ = None, 0
    for number in range(arrangements):
        chance = random.Random(number)
        order = chance.sample(range(count), count)
        scheduler = engine.scheduler(rows=chance.choice([rows, rows, rows // 4, 3]), in_pieces=False)
        _, sent = serve(scheduler, traffic([wanted[i] for i in order], chance))
        found = dict(zip(order, map(texts, sent), strict=True))
        first = first or found
        differ += sum(first[i] != found[i] for i in range(count))
    return {"requests": count, "arrangements": arrangements, "differ": differ}


if __name__ == "__main__":
    print(json.dumps(trial(int(sys.argv[1]))), flush=True)
    print(json.dumps(arranged(int(sys.argv[1]) * 3 // 10, 10)))
