"""The report: the verdict, its words, tables and charts, in the terminal, as Markdown and as a page.

Imports metrics, money, machine, files, settings. Reads metrics/, data/plots and data/errors; returns the content of
report/.
"""
