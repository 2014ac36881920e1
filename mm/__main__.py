"""`python -m mm` is `mm`."""

from mm.cli.main import main

if __name__ == "__main__":
    main()
