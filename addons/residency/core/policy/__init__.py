"""Rules: who may call what, where, with which data, and what is done about it.

``file`` (the text) → ``rule`` (the values) → ``decide`` (the one function that decides) ← ``cases`` (a policy's own tests).
"""
