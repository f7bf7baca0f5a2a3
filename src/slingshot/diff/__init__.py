"""`slingshot diff`: the workspace's scores against those of any revision, and whether the difference is real."""
