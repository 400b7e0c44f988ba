"""The parts of `publish check`: reading columns, one file per kind of defect, and the report."""
