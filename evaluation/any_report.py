"""The report of a model, whether it was scored by the exact metric of a world or against captioned clips."""

from __future__ import annotations

from pydantic import TypeAdapter

from evaluation.captioned.report import CaptionedReport
from evaluation.report import EvaluationReport

AnyReport = EvaluationReport | CaptionedReport

_adapter: TypeAdapter[AnyReport] = TypeAdapter(AnyReport)


def read_report(text: str | bytes) -> AnyReport:
    """The report that some JSON holds.

    Raises:
        ValidationError: it holds none.
    """
    return _adapter.validate_json(text)
