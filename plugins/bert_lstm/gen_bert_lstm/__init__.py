"""Next-character models of a BERT encoder and an LSTM: `gen train bert-lstm`, a loader, a trained model."""
