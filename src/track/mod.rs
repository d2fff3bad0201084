//! The run database: an index over the runs' logs that can be rebuilt. The logs are the truth.
