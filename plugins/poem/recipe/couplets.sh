#!/bin/sh
# Data and training of a model of couplets, for local use only: couplets.tsv is scraped and has no licence, so nothing
# made of it is shipped. Run in the repository's root with GEN_DATA set.
set -eu
work=${1:-build/couplet}
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}" OMP_WAIT_POLICY=PASSIVE
test -f "$work/couplets.train.tsv" || python plugins/poem/recipe/couplets_prepare.py "$work"
gen train gpt2 "$work/couplets.train.tsv" --valid "$work/couplets.valid.tsv" --out "$work/model" --resume \
  --config plugins/gpt2/recipe/couplet.toml --base plugins/poem/gen_poem/weights/poem \
  --batch-tokens 4096 --optimizer muon --matrix-rate 4e-3 --rate 2e-3 --weight-decay 0.1 --warmup 50 --dtype bf16 \
  --seed 1 --steps 940 --valid-every 400 --save-every 250 --save-dtype bf16 --title "couplets (not to be shipped)"
