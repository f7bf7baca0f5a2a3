"""The data room: where rows come from, how they are audited, grouped, split and subsampled."""
