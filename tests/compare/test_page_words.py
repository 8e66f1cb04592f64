# SPDX-License-Identifier: MIT
"""What the page says and where it puts things, without a browser: sentences from figures, rows of bars, JSON that is
safe in HTML."""

import base64
import hashlib
import json
import random
import re

import page_sample
import pytest
from page_sample import experiment, label, run, simulate, without_server_figures

from compare import figures
from compare.page import page, timeline, words

NBSP = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize(
    "milliseconds, text",
    [
        (None, "–"),
        (0.0, "0 ms"),
        (0.004, "0.004 ms"),
        (0.1234, "0.123 ms"),
        (7.0, "7.00 ms"),
        (301.234, "301 ms"),
        (999.4, "999 ms"),
        (999.6, "1.00 s"),
        (3001.2, "3.00 s"),
        (9999.0, "10.0 s"),
        (6012.3, "6.01 s"),
        (123456.0, "123 s"),
    ],
)
def test_durations(milliseconds, text):
    assert words.duration(milliseconds) == text.replace(" ", NBSP)


@pytest.mark.parametrize(
    "value, text",
    [
        (None, "–"),
        (0, "0"),
        (20, "20"),
        (12345, "12,345"),
        (2021.7, "2,022"),
        (16.347, "16.3"),
        (0.0000123, "0.000012"),
    ],
)
def test_numbers(value, text):
    assert words.number(value) == text


def test_memory_sizes():
    assert [words.memory_size(size) for size in (None, 3 << 20, 1536 << 20)] == [
        "–",
        "3.00" + NBSP + "MiB",
        "1.50" + NBSP + "GiB",
    ]


def test_rows_are_packed_without_overlap():
    assert timeline.pack([(0, 3), (0, 6), (3, 6), (1, 9), (6, 7)]) == [0, 1, 0, 2, 0]
    assert timeline.pack([]) == []
    assert timeline.pack([(5, 9), (0, 2), (1, 6)]) == [0, 0, 1], "a later stay may begin before the row's others"


@pytest.mark.parametrize(
    "workers, threads, rows", [(1, 1, [20]), (5, 1, [4] * 5), (20, 1, [1] * 20), (5, 4, [1] * 20), (1, 20, [1] * 20)]
)
def test_twenty_callers_make_a_staircase_in_each_lane(workers, threads, rows):
    one = run(workers, threads, simulate(workers, threads, 20, 20, 300))
    _, bands, _ = timeline.rows_of(one, timeline.drawn_of(one, None))
    assert [height for _, _, height in bands] == rows


def test_rows_go_down_in_the_order_of_beginning():
    one = run(1, 1, simulate(1, 1, 20, 20, 300))
    drawn = timeline.drawn_of(one, None)
    places, _, _ = timeline.rows_of(one, drawn)
    assert [places[index] for index in drawn] == list(range(20))
    begun = [one["requests"][index]["begun_us"] for index in drawn]
    assert begun == sorted(begun)


def test_idle_lanes_are_drawn_while_they_are_few():
    few = run(4, 1, simulate(4, 1, 2, 2, 10))
    assert timeline.lanes_of(few, [0, 1]) == [(1, 0), (2, 0), (3, 0), (4, 0)]
    many = run(10, 4, simulate(10, 4, 20, 20, 10))
    assert len(timeline.lanes_of(many, list(range(20)))) == 20


def test_a_request_that_nobody_ran_has_a_lane_of_its_own():
    lost = page_sample.failures()["experiments"][0]["runs"][2]
    lanes = timeline.lanes_of(lost, timeline.drawn_of(lost, None))
    assert lanes == [(1, 0), (1, 1), (2, 0), (2, 1), timeline.NOBODY]
    assert timeline.figures([lost])[0]["layout"]["yaxis"]["ticktext"] == ["1·0", "1·1", "2·0", "2·1", "none"]


def test_parts_of_a_request():
    request = simulate(1, 1, 1, 1, 100)[0]
    names = [name for name, _, _ in timeline.spans(request, 0)]
    assert names == ["waiting", "gil", "app", "write"]
    parts = timeline.spans(request, 0)
    assert parts[0][1] == request["arrived_us"] and all(one[2] == other[1] for one, other in zip(parts, parts[1:]))
    assert (
        parts[-1][2]
        == request["arrived_us"] + request["queue_us"] + request["gil_us"] + request["app_us"] + request["write_us"]
    )


def test_parts_by_the_clients_clock():
    request = without_server_figures(simulate(1, 1, 1, 1, 100))[0]
    parts = timeline.spans(request, 0)
    assert [name for name, _, _ in parts] == ["sent", "app"] and parts[0][1:] == (
        request["sent_us"],
        request["begun_us"],
    )


def test_a_request_without_end_lasts_until_the_last_moment():
    request = {
        **simulate(1, 1, 1, 1, 100)[0],
        "answered_us": None,
        "status": None,
        "app_us": None,
        "gil_us": None,
        "write_us": None,
    }
    assert timeline.spans(request, 90000)[-1] == ("failed", request["begun_us"], 90000)


def test_every_request_has_exactly_one_body():
    for document in (page_sample.document(), page_sample.failures(), page_sample.interrupted(), page_sample.hostile()):
        for one in (one for part in document["experiments"] for one in part["runs"]):
            figure = timeline.figures([one])[0]
            bodies = (
                [index for trace in figure["data"] if trace["name"] in timeline.BODIES for index in trace["customdata"]]
                if figure
                else []
            )
            assert sorted(bodies) == list(range(len(one["requests"])))


def test_headline_prefers_five_workers_of_clutch():
    document = page_sample.document()
    assert words.headline_run(document) == (0, 2)
    document["experiments"][0]["runs"] = document["experiments"][0]["runs"][-2:]
    assert words.headline_run({**document, "experiments": document["experiments"][:1]}) is None


def test_headlines_say_what_was_found():
    said = words.experiment_headline(page_sample.sleeping()).replace(NBSP, " ")
    assert said == "1 worker: the slowest answer takes 6.09 s; 1 worker × 20 threads: 310 ms"
    flat = experiment(
        "x", "x", [], [run(1, 1, simulate(1, 1, 20, 20, 50)), run(1, 4, simulate(1, 1, 20, 20, 50), label=label(1, 4))]
    )
    assert words.experiment_headline(flat).startswith("More than 1 worker gains nothing: ")
    assert words.experiment_headline(page_sample.offloading()).startswith(
        "Offloaded, 95 % of the callers have their answer within 8.85"
    )
    assert words.experiment_headline(experiment("x", "x", [], [])) == "No answers were measured"
    assert words.experiment_headline(experiment("x", "x", [], [run(2, 1, simulate(2, 1, 4, 4, 100))])).startswith(
        "2 workers: "
    )


def rivals(clutch_ms, peer_ms, **peer):
    runs = [
        run(5, 1, simulate(5, 1, 20, 20, clutch_ms)),
        run(5, 1, without_server_figures(simulate(5, 1, 20, 20, peer_ms)), server="granian", **peer),
    ]
    return words.peers(experiment("x", "x", [], runs))


def test_a_peer_that_wins_is_named_with_both_figures():
    (one,) = rivals(300, 200, pss_bytes=10 << 20)
    assert one["server"] == "granian" and one["loses"] == []
    assert one["wins"][0].startswith("answers per second 24") and ", clutch 16.3" in one["wins"][0]
    assert one["wins"][-1] == "memory 10.0 MiB, clutch 50.0 MiB".replace(" MiB", NBSP + "MiB")


def test_a_peer_that_loses_and_one_that_is_as_good():
    (one,) = rivals(200, 300)
    assert one["wins"] == [] and len(one["loses"]) == 3
    (one,) = rivals(200, 201)
    assert one["wins"] == one["loses"] == [] and len(one["same"]) == 5


def test_page_says_that_a_peer_wins(tmp_path):
    runs = [
        run(5, 1, simulate(5, 1, 20, 20, 300)),
        run(5, 1, without_server_figures(simulate(5, 1, 20, 20, 200)), server="bjoern"),
    ]
    page.write(page_sample.document(experiment("x", "x", [], runs)), tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert '<b class="hue1">bjoern wins</b> with 5 workers: answers per second 24' in text
    assert "No other server is ahead" not in text


def test_command_repeats_the_comparison():
    assert words.command(page_sample.document()) == "setup/compare --with gunicorn"
    one = page_sample.document(experiment("a b.py", "x", [], [run(1, 1, []), run(2, 4, [])]))
    one["load"].update(clients=7, requests=50, path="/x y", method="POST")
    assert (
        words.command(one)
        == "setup/compare 'a b.py' --workers 1,2 --threads 1,4 --clients 7 --requests 50 --path '/x y' --method POST"
    )
    assert words.command({**one, "command": ["setup/compare", "$x"]}) == "setup/compare '$x'"


def test_embedded_json_cannot_end_its_element():
    text = str(page.embedded({"x": page_sample.HOSTILE, "y": "\u2028"}))
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"x": page_sample.HOSTILE, "y": "\u2028"}


def test_policy_allows_the_pages_own_scripts_and_no_request():
    text = page.render(page_sample.interrupted())
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text).group(1).replace("&#39;", "'")
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert len(scripts) == 2 and rules["default-src"] == "'none'"
    assert rules["script-src"].split() == [
        "'sha256-%s'" % base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts
    ]
    assert "http" not in policy and "*" not in policy


def test_nothing_half_written_is_left(tmp_path):
    broken = page_sample.document()
    del broken["experiments"][0]["runs"][0]["workers"]
    with pytest.raises(KeyError):
        page.write(broken, tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []


def holes(document, rng):
    """Makes some of what may be unknown null, and takes some away, everywhere in a document."""
    for part in document["experiments"]:
        part["memory"] = [row for row in part["memory"] if rng.random() < 0.5]
        part["says"] = part["says"][: rng.randrange(3)]
        for one in part["runs"]:
            one["requests"] = one["requests"][: rng.choice((0, 1, 5, 20))]
            for request in one["requests"]:
                for key in set(request) - {"id", "client", "sent_us"}:
                    request[key] = request[key] if rng.random() < 0.7 else None
            for key in ("ready_s", "wall_s", "cpu_s", "pss_bytes", "processes"):
                one[key] = one[key] if rng.random() < 0.6 else None
            one["figures"] = figures.summarize(one) if rng.random() < 0.9 else {}
    return document


@pytest.mark.parametrize("seed", range(40))
def test_what_is_not_known_is_left_out(seed):
    make = (page_sample.document, page_sample.failures, page_sample.interrupted)[seed % 3]
    text = page.render(holes(make(), random.Random(seed)))
    shown = text[: text.index('id="comparison"')]
    assert not re.search(r"\b(None|nan|inf)\b", shown.split("</style>")[1])


def test_a_run_that_did_not_start_is_all_there_is():
    text = page.render(page_sample.never_started())
    assert "it did not start" in text and "No answers were measured" in text


def test_columns_are_balanced():
    assert [page.columns(count) for count in (0, 1, 3, 4, 5, 6, 7, 8, 9)] == [1, 1, 3, 4, 3, 3, 4, 4, 3]


def test_first_advice_of_each_experiment_leads():
    document = page_sample.document()
    document["recommendations"] += [
        {"text": "second of sleeping", "because": [], "experiment": "sleeping"},
        {"text": "of all", "because": ["x"], "experiment": None},
    ]
    firsts = words.first_advice(document)
    assert [(one["at"], one["text"][:10]) for one in firsts] == [(0, "20 callers"), (1, "CPU-bound:"), (None, "of all")]
    assert [one["text"][:10] for one in words.advice_of(document, document["experiments"][0])] == [
        "20 callers",
        "second of ",
    ]


def test_what_to_deploy_leads_even_after_a_warning():
    document = page_sample.document()
    document["recommendations"].append({"text": "Deploy `x`", "because": [], "experiment": "sleeping"})
    assert words.first_advice(document)[0]["text"] == "Deploy `x`"


def test_what_stands_on_top_is_not_what_follows_first():
    document = page_sample.document()
    text = "Something else used 99 % of the CPUs while this was measured: measure again on an idle machine."
    document["recommendations"].insert(0, {"text": text, "because": [], "experiment": "sleeping"})
    assert words.first_advice(document)[0]["text"].startswith("20 callers")
    document["recommendations"] = document["recommendations"][:1]
    assert words.first_advice(document)[0]["text"] == text


def test_lines_of_a_note_stay_lines():
    document = page_sample.document()
    document["experiments"][0]["runs"][0]["notes"] = ["5 of 20 requests failed\nTraceback:\n  File <shop>", "one line"]
    text = page.render(document)
    assert '<p class="aside">5 of 20 requests failed</p>' in text and '<p class="aside">one line</p>' in text
    assert '<pre class="error">Traceback:\n  File &lt;shop&gt;</pre>' in text


def test_a_machine_that_was_not_idle_is_told_on_top():
    document = page_sample.document()
    assert words.disturbance(document) is None
    for one, share in zip(document["experiments"][0]["runs"], (0.05, 0.42, 0.79)):
        one["other_cpu_share"] = share
    said = "Something else used up to 79 % of the CPUs while 2 of 14 runs were measured."
    assert words.disturbance(document).replace(NBSP, " ").startswith(said)
    assert page.render(document).index("Not an idle machine.") < page.render(document).index("What to deploy")


def test_commands_in_advice_are_marked():
    assert words.pieces("Deploy `clutch -w 2`: it") == [(False, "Deploy "), (True, "clutch -w 2"), (False, ": it")]
    document = page_sample.document()
    document["recommendations"][0]["text"] = "Deploy `<b>` now"
    assert "Deploy <code>&lt;b&gt;</code> now" in page.render(document)


def test_headline_says_what_larger_settings_gain():
    runs = [run(workers, 1, simulate(workers, 1, 20, 20, 60, cpus=2)) for workers in (1, 2, 5)]
    said = words.experiment_headline(experiment("x", "x", [], runs)).replace(NBSP, " ")
    assert re.search(r"; 2 workers: [\d.]+ m?s; larger settings gain (nothing|at most [1-5] %)$", said)


def test_runs_of_a_setting_stand_together():
    def grouped(*names):
        runs = [{"workers": int(name[0]), "server": name[1], "threads": 1} for name in names]
        groups = page.groups([{"run": one} for one in runs])
        return [(group["title"], "".join(one["run"]["server"] for one in group["panels"])) for group in groups]

    assert grouped("1a", "5a", "1b", "5b") == [("", "abab")]
    assert grouped("1a", "5a", "5b", "5c") == [("1 worker", "a"), ("5 workers", "abc")]
    assert grouped() == []
