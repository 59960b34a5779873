"""The run time of the pronunciation: phones with times and a pitch in, frames for the synthesizer out."""
