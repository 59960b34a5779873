"""Plans of bounces: read, expanded to jobs, done once on cores or on a cluster, and told in a report."""
