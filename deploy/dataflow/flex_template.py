"""What the Flex Template's launcher runs; it has to be a file."""

from pipelines.runners.flex import main

if __name__ == "__main__":
    main()
