"""`--interactive`: poems written and changed at a terminal. `session` is the law, pure; `loop` talks to people."""
