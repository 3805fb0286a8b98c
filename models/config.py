"""Configuration of the networks and of their training."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Part = Literal["clip_latent", "text_in_discriminator", "linear_text", "cosines"]

TextEncoder = Literal["tokens", "sentence", "transformer"]

DEVICES = r"^(auto|cpu|cuda(:\d+)?)$"
"""Pattern of the names of devices."""


class ModelConfig(BaseModel):
    """Which networks, and their sizes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: Literal["flipbook", "tutorial"] = Field(
        "flipbook",
        description="flipbook: our networks, with the sizes below. tutorial: the tutorial's networks as published; "
        "they have their own sizes.",
    )
    without: tuple[Part, ...] = Field(
        (),
        description="Parts of our networks to leave out, to see what they are worth. clip_latent: each frame is drawn "
        "from its own noise. text_in_discriminator: the discriminators do not see the text. linear_text: the motion "
        "reads the text through a perceptron alone. cosines: the motion network gives each frame's latent by "
        "itself, not amplitudes of cosines over time.",
    )
    text_encoder: TextEncoder = Field(
        "tokens",
        description="How prompts are read. tokens: one learned vector per word. sentence: a trained reader of a frozen "
        "sentence encoder, for captions in free words. transformer: self-attention over learned words, so that their "
        "order matters.",
    )
    text_width: int = Field(32, ge=4, le=512, description="Width of the text embedding, 4 to 512.")
    noise: int = Field(6, ge=1, le=512, description="Gaussian components of each object's noise, 1 to 512.")
    angles: int = Field(
        1,
        ge=0,
        le=256,
        description="Uniform angles of each object's noise, 0 to 256. Motions that return, such as orbits and zigzags, "
        "begin anywhere in their period.",
    )
    modes: int = Field(
        2,
        ge=0,
        le=256,
        description="Size of the one-hot part of each object's noise, 0 to 256. A size of 2 lets motions such as "
        "zigzags choose one of two ways.",
    )
    motion: int = Field(
        32, ge=4, le=512, description="Width of the motion latent that each object has per frame, 4 to 512."
    )
    content: int = Field(
        16, ge=4, le=512, description="Width of the content latent that each object has per clip, 4 to 512."
    )
    motion_width: int = Field(512, ge=16, le=4096, description="Hidden width of the motion network, 16 to 4096.")
    noise_layers: int = Field(
        3, ge=1, le=16, description="Hidden layers between the noise and its features, which the text scales, 1 to 16."
    )
    decoder: Literal["keypoint", "sprite", "layers", "conv"] = Field(
        "keypoint",
        description="How frames are drawn. keypoint: a few Gaussian keypoints become colours, pixel by pixel; for "
        "round objects. sprite: one small picture per clip, placed into each frame; for any shape. layers: one sprite "
        "of one colour per object, later objects over earlier ones. conv: convolutions without "
        "poses; for anything, but not measured yet.",
    )
    background: Literal["white", "black"] = Field(
        "white",
        description="What the networks begin from. black: they see and draw the negatives of the clips, because they "
        "learn objects on white soonest. Set it for clips on black.",
    )
    objects: int = Field(
        1,
        ge=1,
        le=8,
        description="Objects in a clip that move independently, 1 to 8. More than one needs the decoder layers.",
    )
    keypoints: int = Field(4, ge=1, le=64, description="Keypoints of an object, 1 to 64.")
    channels: int = Field(
        8, ge=4, le=256, description="Channels of the decoder: features per pixel, or of the sprite's convolutions."
    )
    discriminator_width: int = Field(
        512, ge=16, le=4096, description="Hidden width of the clip discriminator, 16 to 4096."
    )
    frame_features: int = Field(
        64, ge=4, le=1024, description="Features per frame in the clip discriminator, 4 to 1024."
    )
    fast_waves: float = Field(
        1.0,
        ge=0,
        le=10,
        description="How much the clip discriminator enlarges fast waves of the frames' features, 0 to 10: wave k by "
        "1 + k times this value. With it the discriminator soon notices that an object shakes, but learns words later.",
    )
    frame_discriminator_channels: int = Field(
        0, ge=0, le=256, description="Channels of the frame discriminator, 0 to 256. 0 leaves it out."
    )
    frame_pooling: bool = Field(
        False,
        description="Whether the frame discriminator pools its features over the whole frame, so that it ignores where "
        "an object is. It learns shapes sooner.",
    )
    word_heads: bool = Field(
        False,
        description="Whether the discriminators also learn to tell the words of the prompt from the pixels. Worlds of "
        "several shapes and colours need it.",
    )

    @model_validator(mode="after")
    def _check(self) -> ModelConfig:
        if self.without and self.network == "tutorial":
            raise ValueError('the network "tutorial" has none of our parts: leave without empty')
        if self.network == "tutorial" and self.text_encoder != "tokens":
            raise ValueError('the network "tutorial" has its own words: leave text_encoder at "tokens"')
        if self.background != "white" and self.network == "tutorial":
            raise ValueError('the network "tutorial" begins from white: leave background at "white"')
        if self.objects > 1 and self.network == "tutorial":
            raise ValueError('the network "tutorial" draws one object: leave objects at 1')
        if self.objects > 1 and self.text_encoder == "sentence":
            raise ValueError(
                'the text encoder "sentence" reads a whole caption, not whose words are whose: choose "tokens" or '
                '"transformer", or leave objects at 1'
            )
        if self.objects > 1 and self.decoder != "layers":
            raise ValueError(
                f'the decoder "{self.decoder}" draws one object: set decoder = "layers", or leave objects at 1'
            )
        if self.frame_pooling and not self.frame_discriminator_channels:
            raise ValueError(
                "frame_pooling needs the frame discriminator: set frame_discriminator_channels, or remove frame_pooling"
            )
        if "clip_latent" in self.without and self.decoder in ("sprite", "layers"):
            raise ValueError(
                f'the decoder "{self.decoder}" draws an object once per clip: set another decoder, or keep clip_latent'
            )
        if len(set(self.without)) != len(self.without):
            raise ValueError("without holds a value twice")
        if "text_in_discriminator" in self.without and self.word_heads:
            raise ValueError("word_heads judge the text: switch them off, or keep text_in_discriminator")
        return self

    @property
    def latent_size(self) -> int:
        """Width of a clip's noise, over all objects."""
        return self.objects * (self.noise + 2 * self.angles + self.modes)


class TrainConfig(BaseModel):
    """How the networks are trained. A batch holds `prompts_per_batch` prompts with `clips_per_prompt` clips each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(6_000, ge=1, le=10_000_000, description="Training steps, 1 to 10,000,000.")
    cpu_minutes: float = Field(
        0,
        ge=0,
        le=100_000,
        description="CPU minutes, summed over all threads, after which the training ends even if steps are left. The "
        "schedules of learning rate and penalty then follow whichever limit is nearer. Reports and checkpoints do not "
        "count. 0: no limit.",
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Seed of the weights and of every batch.")
    prompts_per_batch: int = Field(8, ge=1, le=1024, description="Prompts in a batch, 1 to 1024.")
    clips_per_prompt: int = Field(4, ge=2, le=64, description="Clips of each prompt in a batch, 2 to 64.")
    learning_rate: float = Field(1e-3, gt=0, le=0.1, description="Adam's learning rate at the start, up to 0.1.")
    beta1: float = Field(0.5, ge=0, lt=1, description="Decay of Adam's first moment, 0 to below 1.")
    beta2: float = Field(0.99, ge=0, lt=1, description="Decay of Adam's second moment, 0 to below 1.")
    decay_share: float = Field(
        0.6, ge=0, le=1, description="Last share of the training in which the learning rate falls linearly to 0."
    )
    ema_decay: float = Field(0.998, ge=0, lt=1, description="Decay per step of the generator's moving average.")
    first_clip_penalty: float = Field(
        1.0, ge=0, description="R1 and R2 gradient penalty (gamma) of the clip discriminator at the start."
    )
    clip_penalty: float = Field(
        0.3, ge=0, description="The same penalty at the end. It falls geometrically. 0 for both: no penalty."
    )
    penalty_share: float = Field(
        0.6, ge=0, le=1, description="First share of the training in which the penalties fall or rise."
    )
    frame_penalty: float = Field(
        0.5, ge=0, description="R1 and R2 gradient penalty (gamma) of the frame discriminator."
    )
    penalty_every: int = Field(8, ge=1, le=1000, description="Steps between two gradient penalties, 1 to 1000.")
    frame_weight: float = Field(1.0, ge=0, description="Weight of the frame discriminator in the generator's loss.")
    frames_per_batch: int = Field(
        64,
        ge=1,
        le=4096,
        description="Single frames that the frame discriminator sees per step, each from another clip, 1 to 4096.",
    )
    first_free_term_penalty: float = Field(
        0.02,
        ge=0,
        description="Weight of the size of the motion's free term in the generator's loss, at the start.",
    )
    free_term_penalty: float = Field(
        0.5, ge=0, description="The same weight at the end. It rises geometrically. 0 for both: no penalty."
    )
    free_term_threshold: float = Field(
        0.3,
        ge=0,
        description="Prompts whose free term has a smaller root mean square have none at the end. The threshold rises "
        "linearly from 0.",
    )
    word_weight: float = Field(
        1.0, ge=0, description="With word_heads: weight of telling real clips' words in the discriminators' loss."
    )
    generator_word_weight: float = Field(
        0.5, ge=0, description="With word_heads: weight of telling generated clips' words in the generator's loss."
    )
    wrong_prompt_weight: float = Field(
        1.0,
        ge=0,
        description="Weight of real clips with a wrong prompt in the clip discriminator's loss, at the start. It falls "
        "linearly to 0 in the first half of the training. With it, opposite motions such as the two orbits part early.",
    )
    prompt_floor: float = Field(
        0.15,
        gt=0,
        description="Prompts are drawn in proportion to the discriminator's advantage on them plus this value. A "
        "larger value draws them more evenly.",
    )
    device: str = Field("auto", pattern=DEVICES, description="auto, cpu, cuda or cuda:N.")
    compile: bool = Field(False, description="Use torch.compile on the networks (CUDA only; needs a C++ compiler).")
    threads: int = Field(0, ge=0, le=256, description="CPU threads. 0: one per core that this process may use.")
    checkpoint_seconds: float = Field(30.0, gt=0, description="Seconds between two checkpoints.")
    keep: int = Field(2, ge=1, le=100, description="Checkpoints that are kept, 1 to 100.")
    log_every: int = Field(50, ge=1, description="Steps between two reports of the losses.")
    sample_every: int = Field(500, ge=1, description="Steps between two grids of samples.")

    @model_validator(mode="after")
    def _check(self) -> TrainConfig:
        for name in ("clip_penalty", "free_term_penalty"):
            if (getattr(self, f"first_{name}") == 0) != (getattr(self, name) == 0):
                raise ValueError(f"first_{name} and {name} must both be 0, or both above it: one grows into the other")
        if self.sample_every % self.log_every:
            raise ValueError(f"sample_every ({self.sample_every}) must be a multiple of log_every ({self.log_every})")
        return self
