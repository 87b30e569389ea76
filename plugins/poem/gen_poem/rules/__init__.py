"""The constraints and shapers that the plugin offers: forms, acrostics, templates, couplets and the like."""
