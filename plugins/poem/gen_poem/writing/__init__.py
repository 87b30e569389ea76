"""From options to a poem: what the model reads, how poems are sampled and shown, and which of several is printed."""
