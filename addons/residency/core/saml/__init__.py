"""Who calls, by a SAML 2.0 assertion: bytes, trust and the time → who it names, or a reason why not.

block      the block ``saml`` of identity.yaml   → its format
metadata   the identity provider's metadata      → the certificates that are pinned
text       base64                                → XML, or a refusal before any parser sees it
markup     XML                                   → one tree of elements and text, nothing else
signature  tree, certificates                    → the element that is signed, rebuilt from signed bytes
assertion  the signed element                    → its values, each exactly once
verify     all of it, and the conditions         → ``Verified``

Two decisions bind it all. What the document looks like is fixed before the signature is asked for:
its root is the one Assertion, with the one Signature below it and no comment, instruction or
DOCTYPE anywhere, so that there is no second place to read from. And after that only what the
verifier hands back as signed is read; the document itself is dropped.

Nothing is imported here: identity.yaml's own format needs ``block`` and no XML library.
"""
