"""How good a language model is: `gen eval lm`, beside n-gram baselines."""
