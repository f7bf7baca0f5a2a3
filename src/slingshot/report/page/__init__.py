"""report/index.html: one file with its charts, tables and sliders, and the charts again in report/figures."""
