"""What is seen of a run: lines, live views, tables, one self-contained page. Decides nothing."""
