"""Next-character models of a BERT encoder and a head: what those with an LSTM and those without share."""
