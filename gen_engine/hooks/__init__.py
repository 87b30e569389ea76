"""Plugins: what they may offer (`hookspecs`), how they are found (`registry`), how their processors are written
(`specs`), and packages of one's own (`packages`, from the template beside it). pluggy is imported here only,
tensors nowhere.
"""
