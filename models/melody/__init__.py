"""The melody network: the pitch of a voice that stays right when music plays along."""
