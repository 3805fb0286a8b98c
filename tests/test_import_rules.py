"""Which room may import which, and what has to wait until it is needed."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_all_import_contracts_hold() -> None:
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


def test_help_is_answered_without_loading_pytorch_prefect_or_mlflow() -> None:
    code = (
        "import sys, flows.cli.main\n"
        "assert flows.cli.main.execute(['generate', '--help']) == 0\n"
        "heavy = {'torch', 'prefect', 'mlflow', 'pyarrow', 'cv2'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
