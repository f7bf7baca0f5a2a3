"""The files that rooms meet in: one module a kind of file, checked at every read.

A malformed file stops the stage that meets it, with the file's name and the remedy. `storage` holds what all of them
are written with. Imports settings only; reads and writes whatever path it is given.
"""
