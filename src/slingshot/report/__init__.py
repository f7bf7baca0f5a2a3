"""What people read: the verdict, its words, tables and figures, in the terminal, as Markdown and as a page.

Imports metrics, money, machine, files, settings. Reads metrics/, data/plots and data/errors; gives back report/.
"""
