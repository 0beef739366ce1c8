"""What a page says of its pictures and of the pages it links to."""
