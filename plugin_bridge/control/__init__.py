"""What can be asked of a voice: parameters, events, scores, and the rig that takes them."""
