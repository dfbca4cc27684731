"""What happens while a policy trains: transitions recorded, rewards asked for late, spot checks, logs."""
