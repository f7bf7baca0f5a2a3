"""Speed and memory, run by hand and recorded in bench/README.md."""
