"""The choice between the ways of reading prompts."""

from __future__ import annotations

from data.subject import Subject
from models.config import ModelConfig
from models.text.clauses import ByClause
from models.text.protocols import TextFeatures
from models.text.sentence import SentenceFeatures
from models.text.tokens import WordCounts
from models.text.transformer import WordIds


def build_text(config: ModelConfig, subject: Subject) -> TextFeatures:
    """The text features that `config` chooses, for the words of `subject`. It loads no weights yet."""
    objects, prompts = config.objects, subject.seen_prompts
    words: TextFeatures
    if config.text_encoder == "sentence":
        words = SentenceFeatures(subject)
    elif config.text_encoder == "transformer":
        words = WordIds(subject, objects=objects)
    else:
        words = WordCounts(subject.vocabulary)
    return words if objects == 1 else ByClause(words, objects=objects, prompts=prompts)
