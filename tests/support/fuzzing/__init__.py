"""Random requests over everything that exists: verse, the zoo's models, commands with all their options, odd words."""
