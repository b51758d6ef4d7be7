"""What each kind of event contributes to its leaf.

`shapes` says which fields of an event are read, `leaf` which fields a leaf has, and one module per noun turns the one
into the other. Only the fields named here are ever parsed: the rest of a body is skipped, not built and thrown away.
"""
