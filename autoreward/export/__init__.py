"""What people take away: a folder that needs no autoreward, with the reward, the policy, and how both were made."""
