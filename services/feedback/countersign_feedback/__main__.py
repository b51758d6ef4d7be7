from countersign_feedback.app import running
from countersign_feedback.settings import Settings
from countersign_shared.runtime import main

if __name__ == "__main__":
    main(Settings, running)
