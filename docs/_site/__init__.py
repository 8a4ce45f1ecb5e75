"""What builds the site: pictures, the reference, and the pages of the command line."""
