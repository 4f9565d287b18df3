"""Notebooks run from start to end, and are stored without their outputs."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_outputs_are_stripped(path: Path) -> None:
    """No output, no execution count and nothing of anybody's machine is stored."""
    notebook = nbformat.read(path, as_version=4)
    assert notebook.metadata.kernelspec.name == "python3"
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the Jupyter client itself
def test_notebook_runs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cell runs, in order, in a kernel of its own; warnings there are errors too."""
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    reads_real_data = any("shared/data" in cell.source for cell in notebook.cells)
    if reads_real_data and not (path.parents[2] / "shared" / "data").is_dir():
        pytest.skip("the real data (../shared/data) are not beside this checkout")
    monkeypatch.setenv("PYTHONWARNINGS", "error::UserWarning:__main__")
    client = NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
    )
    client.execute()
    written = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in written if output.output_type == "error"]
    assert any("image/png" in output.get("data", {}) for output in written)


def test_there_is_a_first_notebook() -> None:
    """The glob above finds what it should."""
    assert [path.name for path in NOTEBOOKS][:1] == ["01_first_run.ipynb"]
