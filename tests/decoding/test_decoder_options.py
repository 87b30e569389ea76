"""How decoders are chosen: with options on the command line, written out in Python, and listed."""

import json

import click
import pytest
from click.testing import CliRunner
from tiny import chars, engine_of

from gen_engine.cli import main as cli
from gen_engine.cli import options
from gen_engine.decoding.beam import beam
from gen_engine.decoding.sample import greedy
from gen_engine.errors import GenError


def chosen(words):
    found = []
    command = options.generating(model="m")(lambda: found.append(options.choice().decoder))
    CliRunner().invoke(click.command()(command), words.split(), catch_exceptions=False)
    return found[0]


@pytest.mark.parametrize(
    "words, decoder",
    [
        ("", "sample"),
        ("--decoder greedy", "greedy"),
        ("--beams 8", "beam,width=8"),
        ("--decoder beam --beams 6 --groups 3 --diversity 0.2", "beam,width=6,groups=3,diversity=0.2"),
        ("--decoder beam=8 --length-penalty 0.6", "beam=8,length_penalty=0.6"),
        ("--length-penalty 0", "beam,length_penalty=0.0"),
        ("--beams 8 --num 3", "beam,width=24,groups=3,diversity=2.0"),
        (
            "--beams 2 --num 3 --diversity 0.5 --length-penalty 0",
            "beam,width=6,length_penalty=0.0,diversity=0.5,groups=3",
        ),
        ("--beams 8 --num 3 --groups 1", "beam,width=8,groups=1"),
        ("--decoder beam=8 --num 3", "beam=8"),
        ("--particles 16 --resample 1", "smc,particles=16,resample=1.0"),
        ("--decoder gen-engine:smc --particles 16", "gen-engine:smc,particles=16"),
    ],
)
def test_options_of_a_decoder_choose_it_and_are_written_out(words, decoder):
    assert chosen(words) == decoder


@pytest.mark.parametrize(
    "words, message",
    [
        ("--decoder greedy --beams 3", "--beams is for --decoder beam, not for greedy; leave one of them out."),
        ("--beams 3 --particles 4", "--particles is for --decoder smc, not for beam; leave one of them out."),
        (
            "--beams 300 --num 4",
            "--beams 300 for each of 4 texts are more than 1024 beams; ask for fewer, or give --groups 1",
        ),
        ("--decoder smc --length-penalty 2", "--length-penalty is for --decoder beam, not for smc;"),
    ],
)
def test_options_of_different_decoders_do_not_mix(words, message):
    with pytest.raises(GenError, match=message):
        chosen(words)


def test_what_is_given_twice_is_refused():
    with pytest.raises(GenError, match="gives width twice"):
        engine_of(chars("ab")).generate("a", decoder=chosen("--decoder beam=8 --beams 4"))


@pytest.mark.parametrize("decoder", ["beam=3,length_penalty=0.5", beam(3, length_penalty=0.5)])
def test_a_decoder_may_be_written_or_be_an_object(decoder):
    found = engine_of(chars("abc")).generate("a", decoder=decoder, num=3, max_new=4, seed=1)
    assert found == engine_of(chars("abc")).generate(
        "a", decoder="gen-engine:beam=3,length_penalty=.5", num=3, max_new=4, seed=1
    )


def test_a_decoder_may_be_given_as_a_plain_function():
    engine = engine_of(chars("abc"))
    [done], [same] = [engine.generate("a", decoder=each, max_new=3, seed=1) for each in (greedy, "greedy")]
    assert done == same
    with pytest.raises(GenError, match="greedy takes no options; write greedy alone"):
        engine.generate("a", decoder="greedy,width=3")


def test_decoders_are_listed_with_their_parameters(capsys):
    assert cli.main(["decoders", "--json"]) == 0
    listed = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert {"sample", "greedy", "beam", "smc"} <= set(listed)
    assert [p["name"] for p in listed["beam"]["parameters"]] == ["width", "length_penalty", "groups", "diversity"]
    assert listed["sample"]["parameters"] == []


@pytest.mark.parametrize("default", ["top_k=200", "top_p=0.9", "temperature=0.9"])
def test_what_a_command_adds_does_not_change_smc_targets(default):
    def added(words):
        found = []
        command = options.generating(model="m")(lambda: found.append(options.choice().with_default(default)))
        CliRunner().invoke(click.command()(command), words.split(), catch_exceptions=False)
        return found[0]

    assert added("--beams 4") == (default,)
    assert added("--particles 4") == ()
    assert added("--particles 4 --top-k 9") == ("top_k=9",)
