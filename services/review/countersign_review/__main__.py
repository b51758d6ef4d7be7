"""``python -m countersign_review``."""

from countersign_shared.starting import start

if __name__ == "__main__":
    start("countersign_review")
