"""The lift and what goes with it token by token, as the arrays must have it."""

from collections import defaultdict

from gen_engine.text import split_utf8


def texts(vocab):
    split = [split_utf8(surface) for surface in vocab.surfaces]
    return [parts[0] if parts is not None and not parts[1] else None for parts in split]


def permitted(lifted, state):
    """The usable tokens that may follow, each asked for by itself."""
    return {token for token in lifted.vocabulary.usable if lifted.after(state, token) is not None}


def transitions(lifted, state, longest=1000):
    """The usable tokens of whole characters, at most `longest`, by the state they lead to."""
    found = defaultdict(set)
    for token in permitted(lifted, state):
        text = texts(lifted.vocabulary)[token]
        if text is not None and len(text) <= longest:
            found[lifted.after(state, token)].add(token)
    return dict(found)


def partition(keys, count):
    """The class of each token under several keyings at once, numbered as they first come."""
    numbers = {}
    return [numbers.setdefault(tuple(each[token] for each in keys), len(numbers)) for token in range(count)]


def groups(vocab, keys):
    """The usable tokens that behave alike, and whose like-printing tokens do."""
    fine = partition(keys, len(vocab))
    printed, found = defaultdict(list), defaultdict(list)
    for token in vocab.usable:
        printed[vocab.surfaces[token]].append(fine[token])
    for token in vocab.usable:
        found[fine[token], tuple(sorted(printed[vocab.surfaces[token]]))].append(token)
    ordered = sorted(found.values(), key=lambda group: (not vocab.surfaces[group[0]], -len(group)))
    return [tuple(tokens) for tokens in ordered]


def twins(vocab):
    """For each usable token that prints and is not alone in it all that print the same."""
    printed = defaultdict(list)
    for token in vocab.usable:
        printed[vocab.surfaces[token]].append(token)
    return {token: tuple(same) for text, same in printed.items() if text and len(same) > 1 for token in same}


def kind_strings(vocab, kind):
    """For each token of whole characters the kinds of these, in order."""
    return {token: tuple(map(kind, text)) for token, text in enumerate(texts(vocab)) if text is not None}
