"""The answer for people: verdict, tables, charts and one HTML file, from the files in metrics/ only."""
