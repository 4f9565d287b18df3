"""Memory given back between the stages of a run."""

from omsim.sim import memory


def test_giving_back_is_harmless():
    """It may be called at any time, and leaves what is in use alone."""
    kept = bytearray(b"kept" * 1000)
    memory.give_back()
    assert kept == b"kept" * 1000


def test_a_library_without_the_call_is_no_error(monkeypatch):
    """Other systems simply keep what they have."""
    monkeypatch.setattr(memory, "_malloc_trim", lambda: None)
    assert memory.give_back() is None
