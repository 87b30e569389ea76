"""A seed gives the texts that it gave in the versions before; who changes one of these on purpose says so there."""

import pytest
import strategies as some
from drawn_cases import DRAWN
from tiny import engine_of

from gen_engine.decoding.beam import beam
from gen_engine.decoding.smc import smc

DECODERS = {
    "sample": ("sample", ()),
    "greedy": ("greedy", ()),
    "sample, shaped": ("sample", ("top_k=2", "temperature=0.6", "xtc=0.1,probability=0.5")),
    "beam": (beam(4), ()),
    "beam in groups": (beam(4, groups=2, length_penalty=0.5), ("top_k=3",)),
    "smc": (smc(3), ()),
    "smc, always resampled": (smc(4, resample=1), ("temperature=2",)),
}


TOLD = {
    "sample": [
        ("秋夏春秋 秋夏 秋夏 秋夏春秋", -9.8691),
        ("b b cb bac", -13.2433),
        ("aaa aab éab aaa", -30.6497),
        ("abbb abbb bbab abbb", -34.506),
        ("ad ad db bc", -13.4696),
    ],
    "greedy": [
        ("秋夏 秋夏 秋夏 秋夏", -7.3188),
        ("ba ba ba ba", -6.1422),
        ("aaa aaa aaa aaa", -34.7343),
        ("abbb abbb abbb abbb", -38.9066),
        ("db db db db", -3.6873),
    ],
    "sample, shaped": [
        ("秋夏春秋 秋夏春秋 秋夏 秋夏春秋", -11.1442),
        ("b b b bac", -6.3949),
        ("baa aab baa aab", -18.682),
        ("abbb abbb abbb abbb", -45.8824),
        ("db dc db db", -5.5858),
    ],
    "beam": [
        ("秋夏 秋夏春秋 秋夏春 秋春夏秋", -14.3519),
        ("ba bac b bacbc", -9.1931),
        ("baa bab aba aab", -19.3102),
        ("bbab bbbb abbb babb", -34.7493),
        ("db dc ad da", -11.4849),
    ],
    "beam in groups": [
        ("秋夏 春夏秋春 秋夏春秋 春秋", -24.2048),
        ("ba a b ac", -13.6472),
        ("baa aba aaa aab", -23.0248),
        ("abbb babb", -20.5686),
        ("db da dc bd", -12.9486),
    ],
    "smc": [
        ("秋夏 秋夏春秋 秋夏春秋 秋夏", -6.1379),
        ("bac ba ba b", -0.8531),
        ("bab aab aaa aab", -18.152),
        ("abbb abbb abbb abbb", -38.2765),
        ("db db db db", -2.7027),
    ],
    "smc, always resampled": [
        ("秋夏 秋春 秋夏春秋 秋夏春秋", -6.5848),
        ("bc ba ba ba", -2.0046),
        ("baa aab baa aab", -10.5478),
        ("abbb babb abbb abbb", -26.3708),
        ("ac db db ac", -3.0951),
    ],
}


def told(name, number):
    """Four texts of one seed, and how likely they are together; of SMC the evidence."""
    case, (decoder, shapers) = DRAWN[number], DECODERS[name]
    found = engine_of(case.vocabulary, salt=3).generate(
        case.prompt, processors=some.processors(case, shapers), max_new=case.budget, decoder=decoder, num=4, seed=5
    )
    total = sum(done.logprob if done.log_evidence is None else done.log_evidence for done in found)
    return " ".join(done.new for done in found), round(total, 4)


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("name", DECODERS)
def test_a_seed_gives_the_texts_that_it_gave(name, number):
    texts, total = TOLD[name][number]
    assert told(name, number) == (texts, pytest.approx(total, abs=1e-3))
