"""``python -m trailcam``."""

from trailcam.cli.app import main

if __name__ == "__main__":
    main()
