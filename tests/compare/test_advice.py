# SPDX-License-Identifier: MIT
"""Recommendations for documents whose truth is known (see made_documents.py), and rules that hold for all of them."""

import copy
import random
import re

import made_documents as made
import pytest

from compare import advice, figures
from compare.measured import Setting, describe_failure, kind_of, settings_of


def texts_of(*experiments, **more):
    return [each["text"] for each in advice.recommend(made.make_document(*experiments, **more))]


def one(texts, begin):
    """The one text that begins like this."""
    found = [text for text in texts if text.startswith(begin)]
    assert len(found) == 1, f"{begin!r} in {texts}"
    return found[0]


def test_sleeping():
    texts = texts_of(made.sleeping())
    assert one(texts, "Deploy").startswith(
        "Deploy `clutch --workers 1 --threads 20 APP`: the smallest memory (14.0 MiB)"
    )
    assert (
        one(texts, "20 callers")
        == "20 callers, 5 workers: 15 wait; 5 workers x 4 threads serve all at once for 3.0 MiB more."
    )
    assert "20 workers answer 20 times as many requests/s as 1, and 20 callers cannot use more" in one(
        texts, "I/O-bound"
    )
    assert "20 times as many requests/s as 1 worker x 1 thread" in one(texts, "Threads pay")
    assert one(texts, "`--preload` saves") == "`--preload` saves 30.0 MiB of 50.0 MiB (60 %) with 5 workers."
    assert one(texts, "Each further worker") == "Each further worker costs 5.2 MiB, each further thread 0.2 MiB."
    assert not any("ffload" in text for text in texts)


def test_spinning():
    texts = texts_of(made.spinning())
    assert one(texts, "Deploy").startswith("Deploy `clutch --workers 2 APP`")
    assert one(texts, "CPU-bound").startswith(
        "CPU-bound: more than 2 workers on the 2 CPUs granted here gains 0 %, no more than noise"
    )
    assert "500 ms in the application instead of 100 ms, since the threads share one GIL" in one(
        texts, "Threads gain nothing"
    )
    assert "100 % of 2 CPUs used" in one(texts, "The CPU is full") and "18 callers still wait" in one(
        texts, "The CPU is full"
    )
    assert not any(text.startswith("20 callers,") for text in texts), "waiting for a CPU is not cured by threads"


def test_mixed():
    texts = texts_of(made.mixed())
    assert one(texts, "Deploy").startswith("Deploy `clutch --workers 2 --threads 5 APP`")
    assert one(texts, "Partly CPU-bound").endswith("where that ends was not measured.")


def test_more_workers_that_lose():
    fast, slow = made.make_run(2, 1, 0.1, 0.1, 40), made.make_run(10, 1, 0.1, 0.1, 40, speed=0.8)
    assert "more than 2 workers on the 2 CPUs granted here loses 20 %" in one(
        texts_of(made.make_experiment("a", [fast, slow])), "CPU-bound"
    )


@pytest.mark.parametrize(
    "speed, begin",
    [(1.04, "Threads gain nothing"), (1.07, "Threads pay"), (0.96, "Threads gain nothing"), (0.9, "Threads cost")],
)
def test_less_than_the_noise_is_no_gain(speed, begin):
    plain, wide = made.make_run(4, 1, 0.1), made.make_run(4, 4, 0.1)
    wide.update(made.make_run(4, 1, 0.1, speed=speed), threads=4, label=wide["label"])
    one(texts_of(made.make_experiment("a", [plain, wide])), begin)


def test_requests_that_take_long_are_to_be_offloaded():
    text = one(texts_of(made.sleeping(10.0)), "No number of workers")
    assert "its 10 s in the application" in text and "task queue" in text


def test_offloading_beside_the_synchronous_answer():
    text = one(texts_of(made.offloaded()), "Offloading answers")
    assert text == (
        "Offloading answers within 16.1 ms instead of 1.2 s (p95); its jobs are done after 1.25 s "
        "(Celery x 2, 5 workers x 1 thread). All parts together need 31.0 MiB instead of 31.0 MiB."
    )


def test_of_several_ways_to_offload_the_first_to_be_done_is_told():
    experiment = made.offloaded()
    slower = copy.deepcopy(experiment["runs"][1])
    for request in slower["requests"]:
        request["done_us"] += 1_000_000
    slower.update(label="Celery x 1, 5 workers x 1 thread", figures=figures.summarize(slower))
    found = advice.recommend(made.make_document({**experiment, "runs": [*experiment["runs"], slower]}))
    assert "done after 1.25 s (Celery x 2" in found[0]["text"]
    assert any("of the job's end 2.25 s" in reason for reason in found[0]["because"])


def test_offloading_that_gains_nothing_is_said():
    slow = made.offloaded()
    for request in slow["runs"][1]["requests"]:
        request["answered_us"] += 3_000_000
    slow["runs"][1]["figures"] = figures.summarize(slow["runs"][1])
    one(texts_of(slow), "Offloading gains nothing here")


def test_failures_come_first_and_are_left_out():
    found = advice.recommend(made.make_document(made.failing()))
    assert found[0]["text"].startswith("Settle the failures first: something failed in 2 of 3 settings, and")
    assert "1 worker x 1 thread: 5 of 20 requests failed (status 500)" in found[0]["because"]
    assert "2 workers x 1 thread: ImportError: no shop" in found[0]["because"]
    assert not any(each["text"].startswith("Deploy") for each in found), "one sound setting leaves no choice"


@pytest.mark.parametrize(
    "error, line",
    [
        (
            "exit status 3\nTraceback:\n  File x\nshop.NoShopError: no\nmaster: giving up; see above",
            "shop.NoShopError: no",
        ),
        ("it did not start: exit status 2\nmaster: option '--x' is not known", "master: option '--x' is not known"),
        ("bjoern has no threads", "bjoern has no threads"),
    ],
)
def test_a_failure_is_told_in_one_line(error, line):
    run = made.make_run(1, 1, 0.3, error=error)
    assert describe_failure(Setting(run, run["figures"])) == f"1 worker x 1 thread: {line}"


def test_where_all_fail_there_is_nothing_to_compare():
    experiment = made.failing()
    del experiment["runs"][2]
    texts = texts_of(experiment)
    assert len(texts) == 1
    assert texts[0].endswith("something failed in each setting (2 of 2 settings), so there is nothing to compare.")


def test_a_tiny_load_says_nothing_about_settings():
    texts = texts_of(made.tiny())
    assert one(texts, "The load was too small").endswith("Measure again with --requests 1000.")
    assert not any(text.startswith(("Deploy", "I/O-bound", "CPU-bound", "Threads")) for text in texts)


def test_a_peer_that_wins_is_said_plainly():
    texts = texts_of(made.with_peers())
    assert one(texts, "granian") == (
        "granian wins with 1 worker x 4 threads: 25 % more requests/s, 20 % lower p95 (400 ms instead of 500 ms), "
        "28 % less memory (7.8 MiB instead of 10.8 MiB)."
    )
    assert one(texts, "waitress").startswith("waitress is nowhere more than 5 % better than clutch")
    assert one(texts, "bjoern") == "bjoern failed in some settings, which are left out of the advice."


def test_where_a_winning_peer_loses_is_said_too():
    runs = [made.make_run(1, 4, 0.1), made.make_run(1, 4, 0.1, server="bjoern", speed=0.5, base_mib=0.0)]
    text = one(texts_of(made.make_experiment("a", runs)), "bjoern wins")
    assert "less memory" in text and "clutch there: 2 times as many requests/s, 50 % lower p95" in text


def test_memory_that_preload_does_not_save():
    texts = texts_of(made.make_experiment("a", [made.make_run(5, 1, 0.1)], made.make_memory(5, 50, 51)))
    assert (
        one(texts, "`--preload`")
        == "`--preload` is not worth it for memory here: it needs 1.0 MiB more of 50.0 MiB with 5 workers."
    )


def test_an_interrupted_run_is_not_compared():
    cut = made.make_run(10, 1, 0.3)
    for request in cut["requests"][10:]:
        request.update(answered_us=None, status=None, error=figures.INTERRUPTED)
    cut["figures"] = figures.summarize(cut)
    found = advice.recommend(
        made.make_document(
            made.make_experiment("a", [made.make_run(1, 1, 0.3), made.make_run(2, 1, 0.3), cut]), interrupted=True
        )
    )
    assert "`clutch --workers 2 APP`" in found[0]["text"]
    assert "the comparison was interrupted: only what was measured until then is compared" in found[0]["because"]
    assert not any(
        each["text"].startswith("Settle the failures") for each in found
    ), "being interrupted is no failure of the application"


def test_kind_is_judged_by_the_least_crowded_setting():
    """Ten workers on two CPUs: a request takes five times as long in the application as it computes."""
    crowded, calm = (
        Setting(run, run["figures"]) for run in (made.make_run(10, 1, 0.1, 0.1, 40), made.make_run(1, 1, 0.1, 0.1, 40))
    )
    assert crowded.cpu_ratio < 0.3
    assert kind_of([crowded, calm]) == "cpu"
    assert kind_of([crowded]) == "cpu", "the CPU is full"


# What holds for every document.


@pytest.fixture(params=made.ALL)
def document(request):
    return made.make_document(made.ALL[request.param]())


def test_only_measured_settings_are_recommended(document):
    measured = {
        (run["workers"], run["threads"]) for run in document["experiments"][0]["runs"] if run["server"] == "clutch"
    }
    for each in advice.recommend(document):
        for workers, threads in re.findall(r"--workers (\d+)(?: --threads (\d+))?", each["text"]):
            assert (int(workers), int(threads or 1)) in measured


def numbers_in(text):
    plain = re.sub(r"\bp\d\d\b|\b202\b", "", text)
    return {found.rstrip(".,") for found in re.findall(r"\d[\d.,]*", plain)}


def test_every_number_has_its_reason(document):
    for each in advice.recommend(document):
        known = set().union(*map(numbers_in, each["because"]))
        assert numbers_in(each["text"]) <= known, each


def test_form(document):
    names = {experiment["name"] for experiment in document["experiments"]}
    for each in advice.recommend(document):
        assert set(each) == {"text", "because", "experiment"}
        assert each["experiment"] in names
        assert each["because"] and all(isinstance(reason, str) and reason for reason in each["because"])
        assert each["text"].endswith(".") and not re.search(
            r"None|nan|inf\b|\n|  ", each["text"] + " ".join(each["because"])
        )
        assert len(re.findall(r"[.] [A-Z]", each["text"])) <= 2, "a few sentences at most"


def test_names_play_no_part(document):
    renamed = copy.deepcopy(document)
    for experiment in renamed["experiments"]:
        experiment.update(name="x", title="X", app="x.py")
    assert [each["text"] for each in advice.recommend(renamed)] == [each["text"] for each in advice.recommend(document)]


def test_the_document_stays_as_it_was(document):
    before = copy.deepcopy(document)
    advice.recommend(document)
    assert document == before


@pytest.mark.parametrize("seed", range(40))
def test_partial_documents(seed):
    """Whatever is missing, null or cut short: no recommendation is better than an exception."""
    dice = random.Random(seed)
    document = made.make_document(*(make() for make in made.ALL.values()), interrupted=True)
    for experiment in document["experiments"]:
        dice.shuffle(experiment["runs"])
        del experiment["runs"][dice.randint(0, 3) :]
        del experiment["memory"][dice.randint(0, 2) :]
        for run in experiment["runs"]:
            del run["requests"][dice.choice((0, 1, 5, 20)) :]
            for request in run["requests"]:
                request[dice.choice(("answered_us", "begun_us", "app_us", "queue_us", "status"))] = None
            run[dice.choice(("cpu_s", "wall_s", "pss_bytes", "granted_cpus", "label", "processes"))] = None
            run["figures"] = dice.choice((None, figures.summarize(run)))
    document["load"] = dice.choice((None, document["load"]))
    document["machine"] = dice.choice((None, document["machine"]))
    for each in advice.recommend(document):
        assert "None" not in each["text"]


def test_a_choice_near_neither_best_is_said():
    quick, many = made.make_run(1, 1, 0.3), made.make_run(2, 1, 0.3)
    quick["figures"] = {**quick["figures"], "client_ms": dict.fromkeys(("mean", "p50", "p95", "p99", "max"), 10.0)}
    text = one(texts_of(made.make_experiment("a", [quick, many])), "Deploy")
    assert "no setting is best in throughput and p95 alike" in text and "--workers 1 " in text


def test_without_memory_the_fewest_places_are_chosen():
    runs = [made.make_run(*setting, 0.3, pss_bytes=None) for setting in ((20, 2), (20, 1), (1, 1))]
    chosen, is_near = advice.choose(settings_of(made.make_experiment("a", runs)))
    assert (chosen.key, is_near) == ((20, 1), True)
