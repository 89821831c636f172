"""Where a call can be processed: the set of places, with the evidence.

``catalogue`` and ``tables`` are the files' formats, ``pins`` the organisation's own knowledge;
``entry``, ``cases``, ``pattern`` and ``matcher`` are what they compile to; ``atlas`` holds all of
it and ``locate`` asks it about one call.
"""
