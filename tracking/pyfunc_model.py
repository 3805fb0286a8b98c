"""The model as MLflow stores and serves it: the text of this file and safetensors, nothing pickled.

MLflow copies this file into the logged model and runs it there, with the packages ``data`` and ``models`` beside it.
So it imports nothing else of the project::

    import mlflow
    mlflow.set_tracking_uri("sqlite:///.flipbook/mlflow.db")                 # or the address of MLflow's server
    model = mlflow.pyfunc.load_model("models:/flipbook@champion")
    frames = model.predict(["circle moving up-right"], params={"seed": 7})   # uint8 (N, T, H, W, 3)
"""

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from models.sampling import TextToVideo


class FlipbookModel(PythonModel):
    """Prompts in, videos out."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the checkpoint that was logged with the model."""
        self._generator = TextToVideo.load(Path(context.artifacts["weights"]).parent)

    def predict(
        self, context: PythonModelContext, model_input: list[str], params: dict[str, Any] | None = None
    ) -> np.ndarray:
        """Draw one video per prompt.

        Args:
            context: not used.
            model_input: prompts like those that the model was trained on.
            params: ``seed`` (int, default 0); equal seeds give equal videos.

        Returns:
            uint8 (N, T, H, W, 3), RGB.

        Raises:
            data.captions.PromptError: a prompt cannot be read, for example because it holds a word that the world does
                not know.
        """
        seed = int((params or {}).get("seed", 0))
        unknown_words = self._generator.unknown_words
        return self._generator.generate(list(model_input), seed=seed, unknown_words=unknown_words)


mlflow.models.set_model(FlipbookModel())
