"""One module for each figure, with `measure(quick)` and, as its docstring's first line, what the figure is."""
