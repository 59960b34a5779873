"""What can be asked of a voice: parameters, events, scores, and the rig they are sent to."""
