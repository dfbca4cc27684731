"""What a worker can be asked to do: a record each, and a file each that does it."""
