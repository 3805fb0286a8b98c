"""The digest of code: what changes it, and what does not."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tasks.cache import code_digest as subject
from tasks.cache.code_digest import code_digest, text_digest


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "clips.py").write_text(
        "from data.worlds.shapes import area\n\ndef clip():\n    return area()\n"
    )
    (tmp_path / "data" / "shapes.py").write_text("def area():\n    return 1\n")
    (tmp_path / "data" / "other.py").write_text("def other():\n    return 1\n")
    monkeypatch.setattr(subject, "_ROOT", tmp_path)
    forget()
    yield tmp_path / "data"
    forget()


def forget():
    code_digest.cache_clear()
    subject._read.cache_clear()


def digest_after(path, text):
    path.write_text(text)
    forget()
    return code_digest("data.worlds.clips")


def test_changing_an_imported_module_changes_the_digest(project):
    before = code_digest("data.worlds.clips")
    assert digest_after(project / "shapes.py", "def area():\n    return 2\n") != before


def test_changing_a_module_that_is_not_imported_changes_nothing(project):
    before = code_digest("data.worlds.clips")
    assert digest_after(project / "other.py", "def other():\n    return 2\n") == before


def test_an_import_inside_a_function_counts(project):
    before = digest_after(project / "shapes.py", "def area():\n    import data.other\n    return data.other.other()\n")
    assert digest_after(project / "other.py", "def other():\n    return 2\n") != before


def test_comments_docstrings_and_layout_change_nothing(project):
    before = code_digest("data.worlds.clips")
    text = '"""Shapes."""\n\n\ndef area():  # px\n    """Area."""\n    return (1)\n'
    assert digest_after(project / "shapes.py", text) == before


def test_a_fields_description_changes_nothing_but_its_default_does():
    base = text_digest("steps: int = Field(5, description='Steps.')")
    assert text_digest("steps: int = Field(5, description='Training steps.')") == base
    assert text_digest("steps: int = Field(6, description='Steps.')") != base


def test_a_module_that_does_not_exist_is_an_error(project):
    with pytest.raises(ModuleNotFoundError, match=r"data\.nothing"):
        code_digest("data.nothing")


def test_many_threads_get_one_digest(project):
    (project / "shapes.py").write_text("\n".join(f"def area_{n}(x):\n    return [x * (1 + {n})]" for n in range(300)))

    def digest(_: int) -> str:
        forget()
        return code_digest("data.worlds.clips")

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(digest, range(16)))) == 1
