"""The choice between the ways of reading prompts."""

from __future__ import annotations

from data.subject import Subject
from data.worlds.world import WorldConfig
from models.config import ModelConfig
from models.text.clauses import ByClause
from models.text.protocols import TextFeatures
from models.text.sentence_features import SentenceStates
from models.text.tokens import WordCounts
from models.text.transformer import WordIds


def build_text(config: ModelConfig, subject: Subject) -> TextFeatures:
    """The text features that `config` chooses, for the words of `subject`. It loads no weights yet.

    Raises:
        ValueError: several objects are to read captions in free words, which do not say where an object's words end.
    """
    if config.objects > 1 and isinstance(subject, WorldConfig) and subject.varied_captions:
        raise ValueError("captions in free words are for models of one object: set world.varied_captions to 0")
    objects, prompts = config.objects, subject.seen_prompts
    words: TextFeatures
    if config.text_encoder == "sentence":
        plain = subject.plain_words.words if isinstance(subject, WorldConfig) else ()
        words = SentenceStates(plain_words=len(plain))
    elif config.text_encoder == "transformer":
        words = WordIds(subject, objects=objects)
    else:
        words = WordCounts(subject.vocabulary)
    return words if objects == 1 else ByClause(words, objects=objects, prompts=prompts)
