"""Reading models: checkpoint folders, tokenizers, and the adapter for any transformers causal language model."""
