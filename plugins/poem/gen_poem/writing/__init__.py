"""From what is asked to a text: what the model is told, how a prompt is laid out, which of several texts is printed."""
