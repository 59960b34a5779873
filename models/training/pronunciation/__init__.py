"""Train the pronunciation on labelled recordings of singers and on what their networks make of them."""
