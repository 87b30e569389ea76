"""From options to a poem: what the model reads, how poems are drawn and shown, which of several is printed."""
