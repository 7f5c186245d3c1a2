"""How much of a recipients file there may be, so that no file takes the memory or the time of the machine."""

MAX_COLUMNS = 256
"""Far more than templates have use for; each is kept with every message."""

LONGEST_FIELD = 131_072
"""Characters of one field. It is what `csv` takes; Excel's own cells end at 32,767."""

LONGEST_ROW = 1 << 20
"""Characters of one row, and of one line of text: a batch of rows stays within a few megabytes."""

MOST_ROWS = 1 << 20
"""The rows of an Excel sheet, by its format. CSV files may have more: they are never in memory as a whole."""

MOST_CELLS = 32 << 20
"""Cells of a sheet between its first and its last one, empty ones too: a full sheet of 32 columns."""

MOST_PACKED_BYTES = 256 << 20
"""The size of a workbook file."""

MOST_UNPACKED_BYTES = 1 << 30
"""Of all parts of a workbook, unpacked: a million rows of ten columns are about half of it."""

MOST_MEMORY_BYTES = 2 << 30
"""The address space of the process that reads a workbook: a million rows of ten columns take 1.5 GiB."""

MOST_CPU_SECONDS = 300
"""The processor time of that process: a million rows of ten columns take about ten seconds."""
