"""What the benchmarks share: they are off unless asked for, and the long ones do not even start then."""

import pytest


@pytest.fixture
def measuring(request):
    """For benchmarks of many seconds: skip unless `--benchmark-enable` was given."""
    if not request.config.getoption("benchmark_enable"):
        pytest.skip("benchmarks are off; turn them on with --benchmark-enable")
