"""Next-character models of a BERT encoder and two linear layers: `gen train bert-fc`, a loader, a trained model."""
