"""Connected groups of records: what must not be torn apart by a split."""

from curation.grouping.stage import COMPONENT, SIZE, count_sizes, merge_sizes, with_components

__all__ = ["COMPONENT", "SIZE", "count_sizes", "merge_sizes", "with_components"]
