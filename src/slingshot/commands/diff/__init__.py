"""`slingshot diff REVISION`: what differs between two revisions, and whether it is real."""
