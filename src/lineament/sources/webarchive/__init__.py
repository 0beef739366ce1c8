"""Web archives (WARC, WACZ): read, written, and their pages."""
