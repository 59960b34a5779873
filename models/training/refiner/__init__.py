"""From recordings to refiners: diffusion, and its distillation to few steps."""
