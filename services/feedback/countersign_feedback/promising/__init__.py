"""The closed loop: evidence becomes proposals that people sign, and trips that hold at once."""
