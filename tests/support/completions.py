"""What an engine makes of cases and requests, and every text that it might make."""

import numpy as np
import strategies as some


def complete(engine, case, shapers=(), **options):
    return engine.generate(case.prompt, processors=some.processors(case, shapers), max_new=case.budget, **options)


def logits_after(engine, case, tokens):
    return engine.model.logits((*engine.tokenizer.encode(case.prompt).tokens, *tokens))


def outcomes(engine, case, tokens=(), scored=(), temperature=1):
    """Every way to write a legal text: what it prints, and the log-probabilities of all that was chosen."""
    choices, end = case.world.choices(tokens), case.vocabulary.end
    kept = case.stopped(tokens)
    if len(tokens) == case.budget or not choices or kept is not None:
        return [(case.data(tokens[:kept]), scored)]
    if choices == [end] and seen_to_be_full(engine, case, tokens):
        return [(case.data(tokens), scored)]
    own = (
        (logits_after(engine, case, tokens) / temperature)
        .log_softmax(-1)
        .double()
        .nan_to_num(nan=-np.inf, neginf=-np.inf)
        .tolist()
    )
    found = []
    for token in choices:
        longer = (*scored, own[token])
        rest = () if token == end else outcomes(engine, case, (*tokens, token), longer, temperature)
        found += [(case.data(tokens), longer)] if token == end else rest
    return found


def seen_to_be_full(engine, case, tokens):
    """Whether it is seen without search that nothing may follow, so that the model is not asked."""
    plan = engine.chain(some.processors(case)).plan(engine.tokenizer.encode(case.prompt), case.budget)
    joint = plan.start
    for token in tokens:
        joint = plan.product.next(joint, token)
    return plan.tokens(joint, case.budget - len(tokens)).is_empty()


def facts(batch):
    """All that is told of the completions of each request, by which not-a-number equals itself."""
    return [[repr(done) for done in completions] for completions in batch]


def streamed(engine, request):
    """The completions of a stream, whose pieces put together are their texts."""
    pieces = [piece for _, piece in engine.pieces([request])]
    done = [piece.completion for piece in pieces if piece.completion]
    for each in done:
        assert "".join(piece.text for piece in pieces if piece.sample == each.sample) == each.new
    assert {piece.sample for piece in pieces} == {each.sample for each in done}
    return [repr(each) for each in sorted(done, key=lambda each: each.sample)]  # which may end in any order
