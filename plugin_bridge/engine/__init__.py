"""The one way audio is made: `Engine.process(block, events)`."""
