# SPDX-License-Identifier: MIT
"""What the charts of the page show and what is said of them, without a browser."""

import re

import page_sample
import pytest
from page_sample import experiment, label, run, simulate

from compare.page import chart_words, charts, words

NBSP = "\N{NO-BREAK SPACE}"


def test_chart_headlines():
    sleeping = page_sample.sleeping()
    said = {name: chart_words.headline(name, sleeping).replace(NBSP, " ") for name, _ in charts.charts(sleeping)}
    assert said["memory"] == "10 workers: 100 MiB, with --preload 57.0 MiB"
    assert said["throughput"] == (
        "64.3 answers per second at most; 3 of 8 are within 3 % of it, the smallest 1 worker × 20 threads"
    )
    assert said["latency"] == "95 % answered within 309 ms with 20 workers, 5.79 s with 1 worker"
    assert said["gil"] == "No wait worth mentioning for the GIL: 95 % at most 0.006 ms"
    assert set(said) == {"throughput", "latency", "queue", "app", "gil", "cpu", "memory"}
    assert said["app"] == "About as long with every setting: median 305 ms at most"


def test_charts_show_the_figures_of_the_runs():
    offloading = page_sample.offloading()
    made = dict(charts.charts(offloading))
    assert charts.servers_of(offloading) == ["clutch", "clutch, offloaded"]
    rates = [value for trace in made["throughput"]["data"] for value in trace["y"]]
    assert rates == [pytest.approx(one["figures"]["per_second"], abs=1e-3) for one in offloading["runs"]]
    assert len({x for trace in made["throughput"]["data"] for x in trace["x"]}) == 2, (
        "runs of the same setting stand beside each other"
    )
    assert [value for value in made["done"]["data"][0]["y"] if value] == [
        offloading["runs"][1]["figures"]["done_ms"][name] / 1000 for name in charts.PERCENTILES
    ]


def test_headline_of_throughput_has_the_highest_bar():
    sleeping = page_sample.sleeping()
    top = max(one["figures"]["per_second"] for one in sleeping["runs"])
    assert chart_words.headline("throughput", sleeping).startswith(words.number(top) + " answers per second at most; ")
    spinning = chart_words.headline("throughput", page_sample.spinning())
    assert re.fullmatch(r"[\d.]+ answers per second at most(, with 2 workers|; .*, the smallest 2 workers)", spinning)


def test_memory_is_drawn_true_to_scale():
    chart = dict(charts.charts(page_sample.sleeping()))["memory"]
    assert chart["data"][0]["x"] == [1, 2, 5, 10, 20]
    assert chart["layout"]["xaxis"]["tickvals"] == [1, 2, 5, 10, 20]
    assert charts.memory_axes([1, 2, 5, 64])["xaxis"]["ticktext"] == ["2", "5", "64"], "1 would stand in the 2"


@pytest.mark.parametrize(
    "share, end, says",
    [(0.016, 10.5, "Next to no CPU: at most 1.60 % of that granted"), (0.22, 26.25, "22.0 %"), (0.98, 105, "98.0 %")],
)
def test_little_cpu_is_called_so_and_can_be_seen(share, end, says):
    one = run(1, 1, simulate(1, 1, 20, 20, 50))
    one["figures"]["cpu_share"] = share
    assert charts.cpu(experiment("x", "x", [], [one]))["layout"]["yaxis"]["range"] == [0, end]
    assert chart_words.headline("cpu", experiment("x", "x", [], [one])).replace(NBSP, " ").startswith(says)


def test_waits_for_the_gil_inside_the_application_are_told():
    note = chart_words.gil_note(page_sample.spinning()).replace(NBSP, " ")
    assert "gives the GIL up every 5 ms" in note and "they count as time in the application" in note
    assert re.search(r"on average \d+ ms with 1 worker × 4 threads, \d+(\.\d)? ms with 1 worker\.$", note)
    assert chart_words.gil_note(page_sample.sleeping()) is None, "twenty threads that sleep wait for no GIL"


def offloaded_twice():
    made = page_sample.offloading()
    more = [
        run(
            5,
            1,
            page_sample.offloaded(simulate(5, 1, 20, 20, 2), slots),
            label="to %d processes, %s" % (slots, label(5, 1)),
        )
        for slots in (5, 20)
    ]
    return {**made, "runs": made["runs"][:1] + more}


def test_ways_of_offloading_have_names_and_places_of_their_own():
    made = offloaded_twice()
    assert [words.title(one) for one in made["runs"]] == [
        "5 workers",
        "5 workers, to 5 processes",
        "5 workers, to 20 processes",
    ]
    places = [x for trace in dict(charts.charts(made))["throughput"]["data"] for x in trace["x"]]
    assert len(places) == len(set(places)) == 3
