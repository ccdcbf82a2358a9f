"""Decontamination: finding the training records that hold what a model will be evaluated on."""
