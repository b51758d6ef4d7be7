"""``python -m countersign_review``."""

from countersign_review.app import running
from countersign_review.settings import Settings
from countersign_shared.runtime import main

if __name__ == "__main__":
    main(Settings, running)
