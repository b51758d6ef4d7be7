from countersign_inference.app import running
from countersign_inference.settings import Settings
from countersign_shared.runtime import main

if __name__ == "__main__":
    main(Settings, running)
