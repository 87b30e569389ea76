"""The constraints and shapers that the plugin offers beside tones and rhyme: form, acrostic, template, couplet and
the like.
"""
