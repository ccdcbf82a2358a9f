"""`python -m curation.cli`."""

from curation.cli.main import main

if __name__ == "__main__":
    main()
