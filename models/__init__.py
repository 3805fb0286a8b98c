"""The conditional GAN: text encoder, clip generator, clip discriminator, losses, trainer, checkpoints."""
