"""A contradiction is named before the first token, with the members that are to blame and no others."""

import gen_engine as gen

engine = gen.load("poem")
wishes = ["no_unk", "no_special", "form=4x5", "no_repeat=9", "ban=，|月"]
try:
    engine.generate("白", processors=wishes, max_new=23)
except gen.ConflictError as conflict:
    print(conflict)
    assert set(conflict.members) == {"form=4x5", "ban=，|月"}

wishes.remove("ban=，|月")
print(engine.generate("白", processors=[*wishes, "ban=月"], max_new=23, seed=1)[0].text)
