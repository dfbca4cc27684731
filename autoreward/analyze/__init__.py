"""Says why: rankings, intervals, and named symptoms with the numbers that prove them."""
