#!/bin/sh
# Training of the shipped model `bert-lstm-novel`; run in the repository's root with GEN_DATA set.
set -eu
work=${1:-build/mlm}
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
[ -f "$work/novels_encoder/model.safetensors" ] || sh plugins/nextchar/recipe/lstm/encoder.sh "$work"
gen train bert-lstm "$work/novels.train.jsonl" --valid "$work/novels.valid.jsonl" --out "$work/bert_lstm" --resume \
  --encoder "$work/novels_encoder" --window 32 --left-only --hidden 384 --head-rate 3e-3 --dropout 0 \
  --steps 1200 --batch-tokens 4096 --optimizer muon --matrix-rate 8e-3 --rate 4e-3 --weight-decay 0.1 \
  --schedule linear --warmup 60 --clip 1.0 --dtype bf16 --seed 1 \
  --log-every 50 --valid-every 400 --save-every 200 --save-dtype bf16 --title bert-lstm-novel \
  --note "Old Chinese novels and works of Lu Xun, public domain. The recipe is in plugins/nextchar/recipe/lstm."
mkdir -p plugins/nextchar/gen_nextchar/weights/bert_lstm
cp "$work"/bert_lstm/*.* plugins/nextchar/gen_nextchar/weights/bert_lstm/
