"""Train the content encoder on labelled recordings of many voices."""
