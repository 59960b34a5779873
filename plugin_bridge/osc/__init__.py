"""Control by OSC: a server over UDP and TCP that reads and sets the parameters of a live rig."""
