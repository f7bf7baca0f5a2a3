"""`slingshot diff REVISION`: how the workspace differs from a revision, and whether that is more than noise."""
