"""The life of a policy version: drafted, tested, replayed, approved by another person, published, gone back to.

Each step is one transaction that holds the draft's row, takes effect for one hash, and leaves an activity in the
outbox. A refusal is a step too, and as much on the record.
"""
