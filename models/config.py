"""Configuration of the networks and of their training."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Repair = Literal[
    "clip_latent", "trained_embedding", "text_in_discriminator", "wrong_prompts", "gradient_penalty", "ema"
]

TextEncoder = Literal["tokens", "sentence", "transformer"]


class ModelConfig(BaseModel):
    """Sizes of the generator and of the two discriminators."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: Literal["flipbook", "tutorial"] = Field(
        "flipbook", description="flipbook: ours, of the sizes below; tutorial: the published one, which has its own."
    )
    repairs: tuple[Repair, ...] = Field(
        (),
        description="What is put right in the tutorial's network, any of: clip_latent (one noise draws all frames, the "
        "discriminator sees them together), trained_embedding, text_in_discriminator, wrong_prompts (real clips under "
        "other prompts count as generated), gradient_penalty, ema (samples of the moving average).",
    )
    text_encoder: TextEncoder = Field(
        "tokens",
        description="How prompts are read. tokens: learned words. sentence: the same, and a frozen encoder for words "
        "that training never saw. transformer: over learned words, whose order then matters.",
    )
    text_width: int = Field(32, ge=4, le=512, description="Width of the text embedding, 4 to 512.")
    noise: int = Field(8, ge=1, le=512, description="Gaussian components of a clip's latent, of each thing, 1 to 512.")
    modes: int = Field(
        16, ge=0, le=256, description="Size of the one-hot part of a clip's latent, of each thing, 0 to 256."
    )
    motion: int = Field(32, ge=4, le=512, description="Width of a frame's motion latent, of each thing, 4 to 512.")
    content: int = Field(16, ge=4, le=512, description="Width of a clip's content latent, of each thing, 4 to 512.")
    motion_width: int = Field(512, ge=16, le=4096, description="Hidden width of the motion network, 16 to 4096.")
    decoder: Literal["keypoint", "sprite", "layers"] = Field(
        "keypoint",
        description="How pictures are drawn. keypoint: heat maps of a few keypoints become colours pixel by pixel, for "
        "round things. sprite: the thing is drawn once a clip and laid into its frames, for any shapes. layers: "
        "several of them, of one colour each, the later over the earlier.",
    )
    things: int = Field(
        1,
        ge=1,
        le=8,
        description="Things in a picture that move apart, 1 to 8; several need the decoder layers.",
    )
    keypoints: int = Field(4, ge=1, le=64, description="Heat maps of a thing, 1 to 64.")
    channels: int = Field(8, ge=4, le=256, description="Features of a pixel, or channels of the convolutions.")
    critic_width: int = Field(512, ge=16, le=4096, description="Hidden width of the clip discriminator, 16 to 4096.")
    frame_features: int = Field(64, ge=4, le=1024, description="Features that the clip discriminator takes of a frame.")
    frame_critic_channels: int = Field(
        0, ge=0, le=256, description="Channels of the frame discriminator, 0 to 256; 0 leaves it out."
    )
    frame_pooling: bool = Field(
        False,
        description="Whether the frame discriminator forgets where it saw what; it learns shapes sooner.",
    )
    additive_content: bool = Field(
        False,
        description="Whether each word adds to a clip's content by itself, the same in all prompts, as worlds need in "
        "which combinations of shape and colour are asked for that training never saw.",
    )
    word_heads: bool = Field(
        False,
        description="Whether the discriminators also learn to tell the words of a clip's prompt from its pixels, as "
        "worlds of many shapes and colours need.",
    )

    @model_validator(mode="after")
    def _check(self) -> ModelConfig:
        if self.repairs and self.network != "tutorial":
            raise ValueError('repairs are for the tutorial\'s network: set network = "tutorial" or leave them out')
        if self.network == "tutorial" and self.text_encoder != "tokens":
            raise ValueError("the network 'tutorial' has its own words; leave text_encoder at tokens")
        if self.things > 1 and self.network == "tutorial":
            raise ValueError("the network 'tutorial' draws one thing; leave things at 1")
        if self.things > 1 and self.decoder != "layers":
            raise ValueError(
                f'the decoder "{self.decoder}" draws one thing: set decoder = "layers" or leave things at 1'
            )
        if self.frame_pooling and not self.frame_critic_channels:
            raise ValueError("frame_pooling is for the frame discriminator: set frame_critic_channels, or leave it out")
        if len(set(self.repairs)) != len(self.repairs):
            raise ValueError("repairs holds a value twice")
        if "wrong_prompts" in self.repairs and "text_in_discriminator" not in self.repairs:
            raise ValueError(
                "the repair wrong_prompts needs text_in_discriminator: who sees no text, sees no wrong one"
            )
        return self

    @property
    def latent_size(self) -> int:
        """Width of a clip's latent, of all its things."""
        return self.things * (self.noise + self.modes)


class TrainConfig(BaseModel):
    """How the networks are trained. A batch holds `prompts_per_batch` prompts with `clips_per_prompt` clips each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(6_000, ge=1, le=10_000_000, description="Training steps, 1 to 10,000,000.")
    cpu_minutes: float = Field(
        0,
        ge=0,
        le=100_000,
        description="CPU minutes, over all threads, after which the training ends before its last step; rate and "
        "penalty then follow whichever is nearer. 0: no limit. What reports and checkpoints need is not counted.",
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Seed of the weights and of every batch.")
    prompts_per_batch: int = Field(8, ge=1, le=1024, description="Prompts in a batch, 1 to 1024.")
    clips_per_prompt: int = Field(4, ge=2, le=64, description="Clips of each prompt in a batch, 2 to 64.")
    learning_rate: float = Field(1e-3, gt=0, le=0.1, description="Adam's rate at the start, up to 0.1.")
    beta1: float = Field(0.0, ge=0, lt=1, description="Adam's first moment decay, 0 to below 1.")
    beta2: float = Field(0.99, ge=0, lt=1, description="Adam's second moment decay, 0 to below 1.")
    decay_share: float = Field(
        0.6, ge=0, le=1, description="Share of the steps, at the end, over which the rate falls linearly to 0."
    )
    ema_decay: float = Field(0.998, ge=0, lt=1, description="Decay per step of the generator's moving average.")
    first_clip_penalty: float = Field(
        1.0, gt=0, description="R1 and R2 gradient penalty (gamma) of the clip discriminator at the start."
    )
    clip_penalty: float = Field(0.3, gt=0, description="The same at the end; it falls geometrically.")
    penalty_share: float = Field(0.6, ge=0, le=1, description="Share of the steps over which the penalty falls.")
    frame_penalty: float = Field(0.5, ge=0, description="R1 and R2 gradient penalty of the frame discriminator.")
    penalty_every: int = Field(8, ge=1, le=1000, description="Steps between two gradient penalties, 1 to 1000.")
    frame_weight: float = Field(1.0, ge=0, description="Weight of the frame discriminator in the generator's loss.")
    stills: int = Field(
        64,
        ge=1,
        le=4096,
        description="Single frames that the frame discriminator sees in a step, each of another clip, 1 to 4096.",
    )
    free_term_penalty: float = Field(
        0.1, ge=0, description="Weight of the mean square of the motion's free term in the generator's loss."
    )
    word_weight: float = Field(
        1.0, ge=0, description="Weight of the words told from real clips in the discriminators' loss, with word_heads."
    )
    generator_word_weight: float = Field(
        0.5, ge=0, description="Weight of the words told from generated clips in the generator's loss, with word_heads."
    )
    prompt_floor: float = Field(
        0.15, gt=0, description="Added to each prompt's discriminator advantage when prompts are drawn; evens them out."
    )
    device: str = Field("auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="auto, cpu, cuda or cuda:N.")
    compile: bool = Field(False, description="torch.compile the networks (CUDA only; needs a C++ compiler).")
    threads: int = Field(0, ge=0, le=256, description="CPU threads; 0: one per core that the process may use.")
    checkpoint_seconds: float = Field(30.0, gt=0, description="Seconds between two checkpoints.")
    keep: int = Field(2, ge=1, le=100, description="Checkpoints kept, 1 to 100.")
    log_every: int = Field(50, ge=1, description="Steps between two reports of the losses.")
    sample_every: int = Field(500, ge=1, description="Steps between two grids of samples.")

    @model_validator(mode="after")
    def _check(self) -> TrainConfig:
        if self.sample_every % self.log_every:
            raise ValueError(f"sample_every ({self.sample_every}) must be a multiple of log_every ({self.log_every})")
        return self
