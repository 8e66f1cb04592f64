# SPDX-License-Identifier: MIT
"""Figures that are not the server's: others use the CPUs, the load generator cannot send more; and threads that compute
without the GIL."""

import copy

import made_documents as made
import pytest
from test_advice import one, texts_of

from compare import advice, figures
from compare.measured import Setting, kind_of

MEMORY = ("`--preload`", "Each further worker")


def with_shares(experiment, **shares):
    for run in experiment["runs"]:
        run.update(shares)
    return experiment


def crowded(run, stretch):
    """The run as if others computed beside it: all takes longer, the server computes no more than before."""
    run = copy.deepcopy(run)
    for request in run["requests"]:
        for name in ("sent_us", "answered_us", "arrived_us", "begun_us", "queue_us", "app_us"):
            request[name] = int(request[name] * stretch)
    run.update(wall_s=run["wall_s"] * stretch, other_cpu_share=0.48)
    run["figures"] = figures.summarize(run)
    return run


def test_what_computes_beside_others_is_not_judged():
    """On a machine where something else computed, one worker looked as good as five."""
    experiment = made.spinning()
    experiment["runs"] = [crowded(run, 2.1) for run in experiment["runs"]]
    texts = texts_of(experiment)
    assert one(texts, "Something else used 48 %").startswith(
        "Something else used 48 % of the CPUs while this was measured: measure again on an idle machine."
    )
    assert all(text.startswith(("Something else", *MEMORY)) for text in texts), texts


def test_what_sleeps_beside_others_is():
    texts = texts_of(with_shares(made.sleeping(), other_cpu_share=0.3))
    assert texts[0].startswith("Something else used 30 %") and "nothing is said" not in texts[0]
    assert one(texts, "Deploy").startswith("Deploy `clutch --workers 1 --threads 20 APP`")


def test_a_little_of_others_is_not_mentioned():
    assert texts_of(with_shares(made.spinning(), other_cpu_share=0.09)) == texts_of(made.spinning())


def test_the_kind_is_not_taken_for_sleeping_beside_others():
    run = made.make_run(1, 1, 0.1, 0.009)
    assert kind_of([Setting(run, run["figures"])]) == "io"
    run["other_cpu_share"] = 0.8
    assert kind_of([Setting(run, run["figures"])]) == "mixed"


def test_a_load_generator_at_its_limit_says_nothing_of_settings():
    texts = texts_of(with_shares(made.spinning(), client_cpu_share=0.97))
    assert one(texts, "The load generator was the limit").startswith(
        "The load generator was the limit, not the server: it used 97 % of the one CPU"
    )
    assert all(text.startswith(("The load generator", *MEMORY)) for text in texts), texts


def test_a_load_generator_that_takes_the_servers_cpus_is_said():
    experiment = made.mixed()
    for run in experiment["runs"]:
        run["client_cpu_share"] = 0.5
        run["figures"]["cpu_share"] = 0.7
    texts = texts_of(experiment)
    assert one(texts, "The load generator took 25 % of the 2 CPUs")
    assert one(texts, "Deploy"), "the settings are compared all the same"


def test_threads_that_compute_without_the_gil():
    """zlib or hashlib on large blocks: four threads of a worker use two CPUs; more workers have them already."""
    plain, wide = made.make_run(1, 1, 0.1, 0.1, 40), made.make_run(2, 1, 0.1, 0.1, 40)
    wide.update(workers=1, threads=4, label="1 worker x 4 threads")
    four, many = made.make_run(4, 1, 0.1, 0.1, 40), made.make_run(4, 1, 0.1, 0.1, 40)
    many.update(threads=4, label="4 workers x 4 threads")
    text = one(texts_of(made.make_experiment("a", [plain, wide, four, many])), "Threads pay here")
    assert text == (
        "Threads pay here: 1 worker x 4 threads answer 2 times as many requests/s as 1 worker x 1 thread: it computes "
        "without the GIL, in C; with 4 workers they gain nothing more."
    )


@pytest.mark.parametrize("share", ["other_cpu_share", "client_cpu_share"])
def test_every_number_has_its_reason(share):
    from test_advice import numbers_in

    for each in advice.recommend(made.make_document(with_shares(made.spinning(), **{share: 0.94}))):
        assert numbers_in(each["text"]) <= set().union(*map(numbers_in, each["because"])), each
