#!/bin/sh
# Data and the encoder of BERT+LSTM and BERT+FC, made by `gen train mlm`; run in the repository's root with GEN_DATA set.
set -eu
work=${1:-build/mlm}
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
python plugins/novel/recipe/prepare.py "$work"
gen train mlm "$work/novels.train.jsonl" --valid "$work/novels.valid.jsonl" --out "$work/novels_encoder" --resume \
  --from-scratch --vocab-size 4800 --layers 4 --width 128 --heads 4 --ff 512 --positions 36 \
  --steps 2200 --batch-tokens 4096 --optimizer muon --matrix-rate 8e-3 --rate 4e-3 --weight-decay 0.1 \
  --schedule linear --warmup 100 --dtype bf16 --seed 1 --log-every 50 --valid-every 600 --save-every 300 \
  --title novels-encoder
