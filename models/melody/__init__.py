"""The melody network: tracks the pitch of a voice even when music plays along."""
