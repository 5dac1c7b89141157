"""Replicas and limits: ranges, and the exact units of a target."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.errors import Invalid
from tenantry.planning.limits import (
    CPU_CORES,
    MEMORY_MB,
    Capabilities,
    Limits,
    limits,
    replicas,
)

EVERYTHING = Capabilities(gpu=True, storage_quota=True)


@given(st.integers(*MEMORY_MB), st.floats(*CPU_CORES))
def test_every_limit_in_range_becomes_whole_bytes_and_nanocpus(memory: int, cpu: float):
    made = limits({"memory_mb": memory, "cpu_cores": cpu})
    assert made.memory_bytes == str(memory * 1024 * 1024)
    assert int(made.nano_cpus or "") == round(cpu * 10**9)
    # What a target's parseInt would read is the whole of the text.
    assert (made.memory_bytes or "").isdigit()
    assert (made.nano_cpus or "").isdigit()


def test_a_half_core_is_half_a_billion():
    assert Limits(cpu_cores=0.5).nano_cpus == "500000000"
    assert Limits().nano_cpus is None
    assert Limits().memory_bytes is None


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"memory_mb": 511}, "limits.memory_mb"),
        ({"memory_mb": 65_537}, "limits.memory_mb"),
        ({"memory_mb": "512m"}, "limits.memory_mb"),
        ({"memory_mb": 512.5}, "limits.memory_mb"),
        ({"memory_mb": True}, "limits.memory_mb"),
        ({"cpu_cores": 0.49}, "limits.cpu_cores"),
        ({"cpu_cores": 32.1}, "limits.cpu_cores"),
        ({"cpu_cores": "0.5"}, "limits.cpu_cores"),
        ({"cpu_cores": float("nan")}, "limits.cpu_cores"),
        ({"cpu_cores": float("inf")}, "limits.cpu_cores"),
        ({"gpu_units": 9}, "limits.gpu_units"),
        ({"gpu_units": -1}, "limits.gpu_units"),
        ({"storage_gb": 0}, "limits.storage_gb"),
        ({"storage_gb": 1025}, "limits.storage_gb"),
        ({"memory": 512}, "limits.memory"),
    ],
)
def test_what_is_out_of_range_or_has_a_unit_is_refused_by_name(values, field):
    with pytest.raises(Invalid) as caught:
        limits(values, EVERYTHING)
    assert caught.value.field == field


def test_what_a_target_cannot_do_is_refused_with_that_reason():
    with pytest.raises(Invalid, match="cannot reserve GPUs"):
        limits({"gpu_units": 1})
    with pytest.raises(Invalid, match="no storage quota"):
        limits({"storage_gb": 10})
    assert limits({"gpu_units": 8, "storage_gb": 1024}, EVERYTHING).gpu_units == 8
    assert limits({"gpu_units": 0}).gpu_units == 0


@given(st.integers(0, 50))
def test_replicas_in_range_are_taken(number: int):
    assert replicas(number) == number


@pytest.mark.parametrize("wrong", [-1, 51, 99_999, 1.0, "3", True, None])
def test_other_replicas_are_refused(wrong):
    with pytest.raises(Invalid, match="replicas"):
        replicas(wrong)


def test_what_has_a_volume_never_runs_twice():
    with pytest.raises(Invalid, match="never share one volume"):
        replicas(2, stateful=True)
    assert [replicas(n, stateful=True) for n in (0, 1)] == [0, 1]
