"""Small awkward environments, a concept each: what they are asked, and what is right, is the table in `tests/zoo_cases.py`."""
