#!/bin/sh
# Data, training and figures of the shipped model `poem`; run in the repository's root with GEN_DATA set.
set -eu
work=${1:-build/poem}
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-2}" OMP_WAIT_POLICY=PASSIVE
recipe=plugins/poem/recipe
python $recipe/prepare.py "$work"

# First a small model of poems alone.
gen train gpt2 "$work/poems.train.txt" --valid "$work/poems.valid.txt" --out "$work/small" --resume \
  --from-scratch --vocab chars --vocab-size 5000 --layers 4 --width 256 --heads 4 --positions 66 \
  --steps 6500 --batch-tokens 4096 --optimizer muon --matrix-rate 8e-3 --rate 4e-3 --weight-decay 0.1 \
  --schedule linear --warmup 100 --clip 1.0 --dtype bf16 --seed 1 --parallel 2 \
  --log-every 50 --valid-every 500 --save-every 250 --save-dtype bf16

# Then one of twice the layers, which goes on from it with all verse and what is known of each text.
python $recipe/grow.py "$work/small" "$work/verse.train.jsonl" "$work/grown"
gen train gpt2 "$work/verse.train.jsonl" --context context --valid "$work/verse.valid.jsonl" --out "$work/model" --resume \
  --base "$work/grown" --steps 3100 --batch-tokens 4096 --optimizer muon --matrix-rate 5e-3 --rate 2.5e-3 \
  --weight-decay 0.1 --schedule linear --warmup 100 --clip 1.0 --dtype fp32 --seed 1 --parallel 2 \
  --log-every 50 --valid-every 400 --save-every 100 --save-dtype bf16 --title poem \
  --note "Chinese verse (五绝 七绝 五律 七律 and ci), Tang and Song, public domain, from chinese-poetry/chinese-poetry (MIT). A poem reads [CLS] context text [SEP], where the context says what is known of it and may be empty: 〔七绝〕（唐）李白《静夜思》： (context.json). The recipe is in plugins/poem/recipe."
cp "$work/context.json" "$work/model/"
python $recipe/evaluate.py "$work/model"
python plugins/poem/recipe/known_lines.py "$work/model" "$work/verse.train.jsonl"
mkdir -p plugins/poem/gen_poem/weights/poem
cp "$work"/model/*.* plugins/poem/gen_poem/weights/poem/
