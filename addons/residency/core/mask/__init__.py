"""Masking: which fields a JSON body carries, and the same body without their values.

``sets`` reads ``masks.yaml``; ``engine`` answers ``inspect`` and ``mask``. Below them, each on its own: ``coding``
(Content-Encoding), ``text`` (strict JSON), ``path`` (JSONPath), ``plan`` (all paths at once: ``walk`` is exact,
``swift`` quick and proven) and ``method`` (how a value is replaced). What cannot be read exactly is ``Unread``, never
"nothing found".
"""
