"""``python -m countersign_feedback``."""

from countersign_shared.starting import start

if __name__ == "__main__":
    start("countersign_feedback")
