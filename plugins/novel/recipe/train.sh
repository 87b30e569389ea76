#!/bin/sh
# Data and training of the shipped model `novel`; run in the repository's root with GEN_DATA set.
set -eu
work=${1:-build/novel}
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-2}" OMP_WAIT_POLICY=PASSIVE
python plugins/novel/recipe/prepare.py "$work"
gen train gpt2 "$work/novels.train.jsonl" --valid "$work/novels.valid.jsonl" --out "$work/first" --resume \
  --from-scratch --vocab chars --vocab-size 4800 --layers 4 --width 256 --heads 4 --positions 256 \
  --steps 1100 --batch-tokens 4096 --optimizer muon --matrix-rate 8e-3 --rate 4e-3 --weight-decay 0.1 \
  --schedule linear --warmup 100 --clip 1.0 --dtype bf16 --seed 1 --parallel 2 \
  --log-every 50 --valid-every 250 --save-every 250 --save-dtype bf16
# The second stage, of which the shipped weights are not yet.
gen train gpt2 "$work/named.train.jsonl" --context context --context-note "$work/context.json" \
  --valid "$work/named.valid.jsonl" --out "$work/model" --resume --base "$work/first" \
  --steps 400 --batch-tokens 4096 --optimizer muon --matrix-rate 3.2e-3 --rate 1.6e-3 --weight-decay 0.1 \
  --schedule linear --warmup 20 --clip 1.0 --dtype fp32 --seed 1 \
  --log-every 25 --valid-every 200 --save-every 50 --save-dtype bf16 --title novel \
  --note "Old Chinese novels and works of Lu Xun, public domain. A text reads [CLS], then the name of its work if it is told (《红楼梦》), then the text, 256 tokens in all, paragraphs parted by a newline. The recipe is in plugins/novel/recipe."
mkdir -p plugins/novel/gen_novel/weights/novel
cp "$work"/model/*.* plugins/novel/gen_novel/weights/novel/
