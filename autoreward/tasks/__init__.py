"""Task cards: what they say, whether it makes sense, drafts of new ones. Never imports environment code."""
