#!/bin/sh
# The second stage, behind train.sh: a model of twice the layers learns all verse, and what is known of each text.
# No shipped model has gone through it yet. Run in the repository's root with GEN_DATA set.
set -eu
work=${1:-build/poem}
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-2}" OMP_WAIT_POLICY=PASSIVE
recipe=plugins/poem/recipe
test -d "$work/grown" || python $recipe/grow.py "$work/model" "$work/verse.train.jsonl" "$work/grown"
gen train gpt2 "$work/verse.train.jsonl" --context context --context-note "$work/context.json" \
  --valid "$work/verse.valid.jsonl" --out "$work/verse" --resume --base "$work/grown" \
  --steps 7000 --batch-tokens 4096 --optimizer muon --matrix-rate 5e-3 --rate 2.5e-3 --weight-decay 0.1 \
  --schedule linear --warmup 100 --clip 1.0 --dtype fp32 --seed 1 --parallel 2 \
  --log-every 50 --valid-every 400 --save-every 100 --save-dtype bf16 --title poem \
  --note "Chinese verse (五绝 七绝 五律 七律 and ci), Tang and Song, public domain, from chinese-poetry/chinese-poetry (MIT). A text reads [CLS] context text [SEP]; the context says what is known of it and may be empty: 〔七绝〕（唐）李白《静夜思》： (context.json). The recipe is in plugins/poem/recipe."
python $recipe/evaluate.py "$work/verse"
python $recipe/known_lines.py "$work/verse" "$work/verse.train.jsonl"
