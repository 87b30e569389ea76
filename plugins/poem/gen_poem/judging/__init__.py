"""Say in words which rules a text breaks, and where. `check` judges by a named form or tune; `recognise` finds one."""
