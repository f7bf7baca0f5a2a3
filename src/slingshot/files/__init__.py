"""The files through which rooms exchange data: one module for each kind of file, which checks it at every read.

A malformed file stops the stage that reads it, with the file's name and the remedy. All modules write and read through
`storage`. The room imports settings only, and reads and writes whatever path it is given.
"""
