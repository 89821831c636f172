"""What regulated data looks like in free text: e-mail addresses, numbers with check digits, secrets.

A ``Detector`` finds spans in a text. ``spec`` makes one from its spelling in ``masks.yaml``; ``finder`` runs several over
many strings at once, on text that ``fold`` has freed of disguises. Checks cost time in proportion to the text, whatever
it holds: patterns run on google-re2, which does not backtrack, or are bounded in length.
"""
