"""Counts the calls of a function, where the purpose of the code is that it is seldom called."""


def calls_of(monkeypatch, owner, name):
    """The arguments of each call of a function from now on."""
    calls, own = [], getattr(owner, name)
    monkeypatch.setattr(owner, name, lambda *given, **more: calls.append(given) or own(*given, **more))
    return calls
