"""Pages: what a home knows, set as PDF/A for people who file paper; texts and tables in, bytes out."""
