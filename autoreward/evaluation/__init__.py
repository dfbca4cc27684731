"""Says what trainings came to and why: rankings, intervals, named symptoms. Functions of records alone; no files, no models."""
