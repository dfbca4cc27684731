"""What is kept: run folders (`book`), and what people take away from them (`keep`)."""
