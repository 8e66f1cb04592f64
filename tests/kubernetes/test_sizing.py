# SPDX-License-Identifier: MIT
"""pyapps/compare/sizing.py: the formula against known values and against a simulation, and the program around it."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from compare.sizing import MOST_CPU, Goal, Load, Pod, Queue, erlang_b, is_enough, least_pods, queue_of_a_pod, scale_at
from kubernetes_support import manifests
from kubernetes_support.manifests import TREE, number_of
from kubernetes_support.simulation import constant, exponential, mean, part_that_waits, percentile, simulate

PROGRAM = TREE / "pyapps/compare/sizing.py"
EXAMPLE = Load(rate=40, time_s=0.3, cpu_s=0.02)
POD = Pod(workers=2, threads=4, cpus=2)
GOAL = Goal(wait_s=0.1, part=0.95)

# rate, time, pods, threads of a pod: full and nearly idle, many and few, one queue and several
SITUATIONS = [(40, 0.3, 1, 16), (40, 0.3, 2, 8), (40, 0.3, 3, 8), (40, 0.3, 4, 4), (8, 0.1, 1, 1), (1, 10.0, 4, 5), (30, 0.5, 1, 18)]


def run(*arguments):
    return subprocess.run([sys.executable, PROGRAM, *arguments], capture_output=True, text=True, check=False)


# The formula.


def test_values_that_can_be_written_down():
    """One server: C is the load, the mean wait is load/(1-load) times the time. Two: by hand."""
    one = Queue(rate=8, time_s=0.1, servers=1)
    assert one.must_wait == pytest.approx(0.8)
    assert one.mean_wait_s == pytest.approx(0.4)
    assert one.wait_s(0.95) == pytest.approx(0.1 / 0.2 * 2.772589)  # log 16
    two = Queue(rate=1, time_s=1, servers=2)
    assert (two.must_wait, two.mean_wait_s) == (pytest.approx(1 / 3), pytest.approx(1 / 3))
    assert erlang_b(5, 3) == pytest.approx(0.110054, rel=1e-5)  # 3^5/5! / (1 + 3 + ... + 3^5/5!)
    assert two.wait_s(0.5) == 0, "fewer than half wait at all"


@pytest.mark.parametrize("rate, time_s, pods, threads", SITUATIONS)
def test_the_formula_against_a_simulation(rate, time_s, pods, threads):
    queue = queue_of_a_pod(Load(rate, time_s, 0), Pod(1, threads, 1), pods)
    waits = simulate(rate, exponential(time_s), pods, threads)
    assert part_that_waits(waits) == pytest.approx(queue.must_wait, rel=0.05)
    assert mean(waits) == pytest.approx(queue.mean_wait_s, rel=0.08)
    assert percentile(waits, 0.95) == pytest.approx(queue.wait_s(0.95), rel=0.08, abs=0.02 * time_s)


def test_the_simulation_can_tell():
    """Another number of threads is seen."""
    waits = simulate(40, exponential(0.3), 1, 15)
    assert mean(waits) != pytest.approx(Queue(40, 0.3, 16).mean_wait_s, rel=0.2)


def test_times_that_are_all_the_same_wait_half_as_long():
    """What SIZING.md says of work that always takes the same time."""
    queue = Queue(rate=40, time_s=0.3, servers=14)
    assert mean(simulate(40, constant(0.3), 1, 14)) == pytest.approx(queue.mean_wait_s / 2, rel=0.1)


def test_one_queue_waits_less_than_several():
    for pods in (2, 3, 4):
        several = queue_of_a_pod(EXAMPLE, POD, pods)
        assert Queue(EXAMPLE.rate, EXAMPLE.time_s, pods * POD.servers).mean_wait_s < several.mean_wait_s


# What is made of it.


def test_the_least_number_of_pods_is_enough_and_no_less():
    least = least_pods(EXAMPLE, POD, GOAL)
    assert is_enough(EXAMPLE, POD, least, GOAL) and not is_enough(EXAMPLE, POD, least - 1, GOAL)
    waits = simulate(EXAMPLE.rate, exponential(EXAMPLE.time_s), least, POD.servers)
    assert percentile(waits, GOAL.part) <= GOAL.wait_s
    waits = simulate(EXAMPLE.rate, exponential(EXAMPLE.time_s), least - 1, POD.servers)
    assert percentile(waits, GOAL.part) > GOAL.wait_s


def test_computing_counts():
    busy = Load(rate=100, time_s=0.02, cpu_s=0.02)
    assert least_pods(busy, Pod(2, 20, 2), GOAL) == 2, f"2 CPUs are busy: more than {MOST_CPU} of those of one pod"
    assert least_pods(busy, Pod(4, 20, 2), GOAL) == 2, "more workers have no more CPUs"
    assert least_pods(busy, Pod(1, 40, 2), GOAL) == 3, "one worker uses one CPU"


def test_the_target_of_the_autoscaler():
    """That of the manifest is the one of the example in SIZING.md, whose pods are those of the manifest."""
    options = manifests.options()
    workers = int(number_of(manifests.container()["resources"]["limits"]["cpu"]))
    assert POD == Pod(workers, int(options["threads"]), workers)
    spec = manifests.the("HorizontalPodAutoscaler")["spec"]
    target = number_of(spec["metrics"][0]["pods"]["target"]["averageValue"])
    assert target == pytest.approx(scale_at(EXAMPLE, POD, GOAL), abs=0.01)
    assert spec["minReplicas"] == least_pods(EXAMPLE, POD, GOAL)


# The program.


def test_the_page_has_the_figures_of_the_program():
    """The examples are commands, which tests/docs runs; the formula's numbers in the prose are these."""
    page = (TREE / "setup/SIZING.md").read_text(encoding="utf-8")
    queue = queue_of_a_pod(EXAMPLE, POD, 2)
    blocked = erlang_b(queue.servers, queue.offered)
    for text in (
        f"B = {blocked:.3f}",
        f"C = {queue.must_wait:.3f}",
        f"= {queue.mean_wait_s * 1000:.0f} ms",
        f"= {queue.wait_s(0.95) * 1000:.0f} ms",
    ):
        assert text in page


def test_no_pods_are_enough():
    done = run("--rate", "10", "--time", "1s", "--workers", "1", "--threads", "1", "--wait", "0.00001ms", "--percentile", "99.999999")
    assert done.returncode == 0 and "not even" in done.stdout


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--time", "1s"], "--rate"),
        (["--rate", "0", "--time", "1s"], "'0' is no number above 0"),
        (["--rate", "nan", "--time", "1s"], "'nan' is no number above 0"),
        (["--rate", "1", "--time", "soon"], "'soon' is no time"),
        (["--rate", "1", "--time", "0"], "--time must be more than 0"),
        (["--rate", "1", "--time", "1s", "--cpu", "2s"], "--cpu is a part of --time"),
        (["--rate", "1", "--time", "1s", "--percentile", "100"], "--percentile must be below 100"),
        (["--rate", "1", "--time", "1s", "--spare", "-1"], "--spare must be 0 or more"),
        (["--rate", "1", "--time", "1s", "--workers", "1.5"], "'1.5' is no number above 0"),
        (["--rate", "1", "--time", "1s", "--workers", "1025"], "--workers and --threads must be 1024 at most"),
        (["--rate", "1", "--time", "1s", "--threads", "9999999999"], "--workers and --threads must be 1024 at most"),
    ],
)
def test_mistakes(arguments, said):
    done = run(*arguments)
    assert done.returncode == 2 and said in done.stderr
    assert "Traceback" not in done.stderr


def test_the_help_names_every_option():
    done = run("--help")
    options = set(re.findall(r'add_argument\("(--\w+)"', PROGRAM.read_text(encoding="utf-8")))
    assert done.returncode == 0 and options <= set(re.findall(r"--\w+", done.stdout))
