"""Speed beside peers, measured in one run: ratios mean more than times."""
