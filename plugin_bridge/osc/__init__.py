"""Control by OSC: a server over UDP and TCP that reads and moves a live rig, and tells what it has."""
