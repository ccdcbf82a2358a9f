"""Moving a release to and from the Hugging Face Hub."""
