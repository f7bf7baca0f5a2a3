"""report/index.html: one file with charts, tables and sliders. The main charts are also files in report/figures."""
