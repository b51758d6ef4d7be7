"""The words that services share: topics, events, decision types, money. Values and pure functions only."""
