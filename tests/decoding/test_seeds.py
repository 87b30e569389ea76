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
    "sample, with a memory": ("sample", ("mirostat=1.2,eta=0.5",)),
    "beam": (beam(4), ()),
    "beam in groups": (beam(4, groups=2, length_penalty=0.5), ("top_k=3",)),
    "smc": (smc(8), ()),
    "smc, shaped": (smc(4), ("top_k=2",)),
    "smc, with a memory": (smc(3), ("mirostat=1.2,eta=0.5",)),
    "smc, always resampled": (smc(4, resample=1), ("temperature=2",)),
}


TOLD = {
    "sample": [
        ("秋夏春秋:budget 秋夏:end 秋夏:end 秋夏春秋:budget", -9.8691),
        ("b:stop b:stop cb:end bac:end", -13.2433),
        ("aaa:budget aab:full éab:budget aaa:budget", -30.6497),
        ("abbb:budget abbb:budget bbab:budget abbb:budget", -34.506),
        ("ad:budget ad:budget db:budget bc:budget", -13.4696),
    ],
    "greedy": [
        ("秋夏:end 秋夏:end 秋夏:end 秋夏:end", -7.3188),
        ("ba:stop ba:stop ba:stop ba:stop", -6.1422),
        ("aaa:budget aaa:budget aaa:budget aaa:budget", -34.7343),
        ("abbb:budget abbb:budget abbb:budget abbb:budget", -38.9066),
        ("db:budget db:budget db:budget db:budget", -3.6873),
    ],
    "sample, shaped": [
        ("秋夏春秋:budget 秋夏春秋:budget 秋夏:end 秋夏春秋:budget", -11.1442),
        ("b:stop b:stop b:stop bac:end", -6.3949),
        ("baa:budget aab:full baa:budget aab:full", -18.682),
        ("abbb:budget abbb:budget abbb:budget abbb:budget", -45.8824),
        ("db:budget dc:budget db:budget db:budget", -5.5858),
    ],
    "sample, with a memory": [
        ("秋夏春秋:budget 秋夏:end 秋夏:end 秋夏春秋:budget", -9.8691),
        ("b:stop b:stop b:stop b:stop", -6.0276),
        ("aab:full aab:full aab:full aab:full", -20.0651),
        ("abbb:budget abbb:budget abbb:budget abbb:budget", -42.3945),
        ("db:budget dc:budget db:budget db:budget", -5.5858),
    ],
    "beam": [
        ("秋夏:end 秋夏春秋:budget 秋夏春:end 秋春夏秋:budget", -14.3519),
        ("ba:stop bac:end b:stop bacbc:budget", -9.1931),
        ("baa:budget bab:full aba:full aab:full", -19.3102),
        ("bbab:budget bbbb:budget abbb:budget babb:budget", -34.7493),
        ("db:budget dc:budget ad:budget da:budget", -11.4849),
    ],
    "beam in groups": [
        ("秋夏:end 春夏秋春:budget 秋夏春秋:budget 春秋:end", -24.2048),
        ("ba:stop a:stop b:stop ac:end", -13.6472),
        ("baa:budget aba:full aaa:budget aab:full", -23.0248),
        ("abbb:budget babb:budget", -20.5686),
        ("db:budget da:budget dc:budget bd:budget", -12.9486),
    ],
    "smc": [
        ("秋夏:end 秋夏春秋:budget 秋夏:end 秋夏:end", -5.8875),
        ("bac:end ba:stop ba:stop ba:end", -1.3232),
        ("baa:budget aba:full aab:full baa:budget", -14.0993),
        ("abbb:budget bbbb:budget abbb:budget abbb:budget", -33.1489),
        ("ac:budget db:budget db:budget da:budget", -2.562),
    ],
    "smc, shaped": [
        ("秋夏:end 秋夏:end 秋夏:end 秋夏春秋:budget", -5.8438),
        ("ba:end ba:end ba:stop ba:stop", -1.3956),
        ("aab:full baa:budget aab:full aab:full", -19.4217),
        ("abbb:budget abbb:budget abbb:budget abbb:budget", -38.4405),
        ("db:budget db:budget db:budget db:budget", -2.6731),
    ],
    "smc, with a memory": [
        ("秋夏:end 秋夏春秋:budget 秋夏春秋:budget 秋夏:end", -6.2566),
        ("bac:end ba:stop ba:end b:stop", -1.3567),
        ("aab:full aab:full aab:full aab:full", -21.3255),
        ("abbb:budget abbb:budget abbb:budget abbb:budget", -38.642),
        ("db:budget db:budget db:budget db:budget", -3.129),
    ],
    "smc, always resampled": [
        ("秋夏:end 秋春:end 秋夏春秋:budget 秋夏春秋:budget", -6.5848),
        ("bc:end ba:end ba:stop ba:stop", -2.0046),
        ("baa:budget aab:full baa:budget aab:full", -10.5478),
        ("abbb:budget babb:budget abbb:budget abbb:budget", -26.3708),
        ("ac:budget db:budget db:budget ac:budget", -3.0951),
    ],
}


def told(name, number):
    """Four texts of one seed, why each is finished, and how likely they are together; of SMC the evidence."""
    case, (decoder, shapers) = DRAWN[number], DECODERS[name]
    found = engine_of(case.vocabulary, salt=3).generate(
        case.prompt, processors=some.processors(case, shapers), max_new=case.budget, decoder=decoder, num=4, seed=5
    )
    total = sum(done.logprob if done.log_evidence is None else done.log_evidence for done in found)
    return " ".join(f"{done.new}:{done.finish}" for done in found), round(total, 4)


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("name", DECODERS)
def test_a_seed_gives_the_texts_that_it_gave(name, number):
    texts, total = TOLD[name][number]
    assert told(name, number) == (texts, pytest.approx(total, abs=1e-3))
