#!/bin/sh
# Data, training and figures of the shipped model `poem`; run in the repository's root with GEN_DATA set.
set -eu
work=${1:-build/poem}
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-2}" OMP_WAIT_POLICY=PASSIVE
python plugins/poem/recipe/prepare.py "$work"
gen train gpt2 "$work/poems.train.txt" --valid "$work/poems.valid.txt" --out "$work/model" --resume \
  --from-scratch --vocab chars --vocab-size 5000 --layers 4 --width 256 --heads 4 --positions 66 \
  --steps 6500 --batch-tokens 4096 --optimizer muon --matrix-rate 8e-3 --rate 4e-3 --weight-decay 0.1 \
  --schedule linear --warmup 100 --clip 1.0 --dtype bf16 --seed 1 --parallel 2 \
  --log-every 50 --valid-every 500 --save-every 250 --save-dtype bf16 --title poem \
  --note "Chinese regular verse (五绝 七绝 五律 七律), Tang and Song, public domain, from chinese-poetry/chinese-poetry (MIT). A poem reads [CLS] text [SEP]: one line, full-width punctuation. The recipe is in plugins/poem/recipe."
python plugins/poem/recipe/evaluate.py "$work/model"
python plugins/poem/recipe/known_lines.py "$work/model" "$work/verse.train.jsonl"
mkdir -p plugins/poem/gen_poem/weights/poem
cp "$work"/model/*.* plugins/poem/gen_poem/weights/poem/
