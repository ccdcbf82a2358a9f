"""Near duplicates: which texts say nearly the same, and which of them stays."""

from curation.dedup.cluster import Clusters, find_near_duplicates, near_duplicate_clusters

__all__ = ["Clusters", "find_near_duplicates", "near_duplicate_clusters"]
