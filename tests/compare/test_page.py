# SPDX-License-Identifier: MIT
"""The page in a real browser: it draws, asks for nothing, says what the JSON says, and can be read by everybody."""

import itertools
import json
import re

import page_sample
import pytest
from page_browser import Browser
from page_colours import EYES, contrast, difference, rgb, seen_by
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

PARTS = ("waiting", "gil", "app", "write")
TEXT_CONTRAST, PART_DIFFERENCE, SMALLEST_PX = 4.5, 14.0, 11


@pytest.fixture(scope="module")
def browser():
    made = Browser()
    yield made
    made.close()


@pytest.fixture
def show(browser, tmp_path):
    """Opens the page of the document that a function makes, or goes on with it; afterwards the console must be empty
    and nothing may have been asked for but the file."""

    def open_page(make=page_sample.small, **how):
        browser.show(make, tmp_path / "comparison.html", **how)
        return browser

    yield open_page
    assert browser.logged() == []
    assert {address for address in browser.requested() if not address.startswith("data:")} <= {browser.path.as_uri()}


DOCUMENTS = {
    "everything": page_sample.document,
    "many requests": page_sample.many,
    "failures": page_sample.failures,
    "never started": page_sample.never_started,
    "hostile": page_sample.hostile,
    "interrupted": page_sample.interrupted,
    "nothing": lambda: page_sample.document(experiments=[], recommendations=[], interrupted=True),
}


@pytest.fixture(scope="module", params=DOCUMENTS)
def name(request):
    """Tests of the same document follow each other, so that it is opened once for all of them."""
    return request.param


def test_draws_without_error_or_request(show, name):
    browser = show(DOCUMENTS[name])
    drawn = browser.ask("drawn")
    experiments = browser.document["experiments"]
    with_requests = sum(bool(run["requests"]) for experiment in experiments for run in experiment["runs"])
    assert all(drawn) and len(drawn) >= with_requests
    assert len(browser.find("[data-plot^=timeline]")) == with_requests


def shown_value(text):
    """Returns the number in a text of the page, durations in milliseconds; None for a dash."""
    text = text.replace("\u00a0", " ").strip()
    if text == "–":
        return None
    number, unit = re.fullmatch(r"([\d.,]+)(?: (ms|s|%))?", text).groups()
    return float(number.replace(",", "")) * {"s": 1000, "%": 0.01}.get(unit, 1)


def figure_of(run, path):
    value = run["figures"]
    for key in path.split("."):
        value = None if value is None else value[key]
    return value


def test_figures_are_those_of_the_json(show, name):
    browser = show(DOCUMENTS[name])
    shown = browser.ask("figures")
    runs = sum(len(experiment["runs"]) for experiment in browser.document["experiments"])
    assert len([path for _, path, _ in shown if path == "client_ms.p50"]) >= runs
    for key, path, text in shown:
        expected = figure_of(browser.run(key), path)
        got = shown_value(text)
        assert (got is None) == (expected is None), (key, path, text)
        assert expected is None or got == pytest.approx(expected, rel=0.006, abs=1e-6), (key, path, text)


def test_embedded_document_is_the_document(show, name):
    browser = show(DOCUMENTS[name])
    assert json.loads(browser.script("return document.getElementById('comparison').textContent")) == browser.document


def test_table_has_every_run_and_can_be_read_aloud(show):
    browser = show(page_sample.document)
    browser.script("document.querySelectorAll('details.figures').forEach((one) => { one.open = true; })")
    for number, experiment in enumerate(browser.document["experiments"]):
        table = browser.find("table.every")[number]
        assert experiment["title"] in table.find_element("css selector", "caption").text
        rows = table.find_elements("css selector", "tbody tr")
        assert len(rows) == len(experiment["runs"])
        assert all(row.find_element("css selector", "th[scope=row]") for row in rows)
        assert not table.find_elements("css selector", "th:not([scope])")


def test_every_request_is_a_bar_at_its_place(show):
    browser = show(page_sample.document)
    for number, experiment in enumerate(browser.document["experiments"]):
        ranges = set()
        for at, run in enumerate(experiment["runs"]):
            shown = browser.ask("bars", "timeline-%d-%d" % (number, at))
            boxes, pixels = shown["boxes"], shown["width"] / shown["range"][1] / 1e6
            assert sum(len(boxes.get(part) or []) for part in ("app", "failed")) == len(run["requests"]) == 20
            ranges.add(tuple(shown["range"]))
            for index, box in zip(shown["order"]["app"], boxes["app"]):
                request = run["requests"][index]
                begin = request["begun_us"] + (request["gil_us"] or 0)
                assert box["left"] == pytest.approx(shown["left"] + begin * pixels, abs=1.5)
                assert box["width"] == pytest.approx(request["app_us"] * pixels, abs=2)
        assert len(ranges) == 1, "one time axis for all runs of an experiment"


def test_offloaded_jobs_are_drawn_to_their_end(show):
    browser = show(page_sample.document)
    shown = browser.ask("bars", "timeline-2-1")
    requests = browser.document["experiments"][2]["runs"][1]["requests"]
    assert len(shown["boxes"]["job"]) == 20
    for index, box in zip(shown["order"]["job"], shown["boxes"]["job"]):
        end = shown["left"] + requests[index]["done_us"] / 1e6 / shown["range"][1] * shown["width"]
        assert box["right"] == pytest.approx(end, abs=1.5)
    browser.find("#timeline-2-1")[0].send_keys(Keys.HOME)
    assert re.search(r"status 202, .*result after [\d.]+ ms", browser.find("#live-2")[0].text)


def test_headline_says_how_many_run_and_wait(show):
    browser = show()
    assert "Interrupted" not in browser.find("main")[0].text
    figures = browser.document["experiments"][0]["runs"][2]["figures"]
    headline = " ".join(browser.find("h1")[0].text.split())
    assert (
        headline
        == "5 workers, 20 callers: %d run, %d wait" % (figures["running_most"], figures["waiting_most"])
        == "5 workers, 20 callers: 5 run, 15 wait"
    )


def test_a_request_would_be_noticed_and_refused(browser, tmp_path):
    browser.show(page_sample.small, tmp_path / "comparison.html")
    refused = browser.ask_later("refused")
    assert refused == "connect-src"
    assert any("Content Security Policy" in line for line in browser.logged())
    browser.requested()


def test_no_two_bars_overlap(show):
    browser = show()
    everything = [box for part in browser.ask("bars", "timeline-0-2")["boxes"].values() for box in part]
    assert len(everything) == 35
    for one, other in itertools.combinations(everything, 2):
        apart = (
            one["right"] <= other["left"] + 1
            or other["right"] <= one["left"] + 1
            or one["bottom"] <= other["top"] + 1
            or other["bottom"] <= one["top"] + 1
        )
        assert apart, (one, other)


def milliseconds(microseconds):
    return "%.3f ms" % (microseconds / 1000)


def expected_texts(request):
    """What the page must tell of a request that clutch served."""
    whole = sum(request[part] for part in ("queue_us", "gil_us", "app_us", "write_us"))
    return [
        "Request %d" % request["id"],
        "worker %d, thread %d, pid %d" % (request["worker"], request["thread"], request["pid"]),
        "status %d" % request["status"],
        "waited " + milliseconds(request["queue_us"]),
        "GIL wait " + milliseconds(request["gil_us"]),
        "app " + milliseconds(request["app_us"]),
        "write " + milliseconds(request["write_us"]),
        "server's clock " + milliseconds(whole),
        "client's clock " + milliseconds(request["answered_us"] - request["sent_us"]),
    ]


def test_pointing_at_a_bar_tells_its_request(show):
    browser = show()
    plot = browser.find("#timeline-0-2")[0]
    browser.script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", plot)
    shown = browser.ask("bars", "timeline-0-2")
    bars = plot.find_elements("css selector", "g.trace.bars")[shown["names"].index("app")]
    bar, index = bars.find_elements("css selector", "g.point path")[7], shown["order"]["app"][7]
    ActionChains(browser.driver, duration=0).move_to_element(bar).perform()
    browser.wait("return document.querySelector('#timeline-0-2 .hoverlayer .hovertext')")
    request = browser.document["experiments"][0]["runs"][2]["requests"][index]
    assert browser.ask("hover", "timeline-0-2") == expected_texts(request)
    assert browser.find("#live-0")[0].text == ", ".join(expected_texts(request))


def test_arrow_keys_step_through_the_requests(show):
    browser = show()
    plot, live = browser.find("#timeline-0-2")[0], browser.find("#live-0")[0]
    requests = browser.document["experiments"][0]["runs"][2]["requests"]
    in_order = sorted(requests, key=lambda request: request["begun_us"])
    assert live.get_attribute("aria-live") == "polite"
    assert browser.script("return arguments[0].tabIndex", plot) == 0
    told = []
    plot.send_keys(Keys.HOME)
    for key in (Keys.ARROW_LEFT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT, Keys.END, Keys.ARROW_RIGHT, Keys.HOME):
        plot.send_keys(key)
        told.append(live.text)
    expected = [in_order[at] for at in (0, 1, 0, -1, -1, 0)]
    assert told == [", ".join(expected_texts(request)) for request in expected]
    browser.until(lambda: browser.ask("hover", "timeline-0-2") == expected_texts(in_order[0]))
    plot.send_keys(Keys.ESCAPE)
    browser.wait("return document.querySelector('#timeline-0-2 .hovertext') === null")


def test_arrow_keys_step_through_a_chart(show):
    browser = show()
    chart = browser.find("#latency-0")[0]
    chart.send_keys(Keys.ARROW_RIGHT)
    run = browser.document["experiments"][0]["runs"][0]
    assert browser.find("#live-latency-0")[0].text == "clutch, %s: p50 %.6g ms, by the client's clock" % (
        run["label"],
        run["figures"]["client_ms"]["p50"],
    )


def test_tab_reaches_every_picture(show):
    browser = show()
    reached = set()
    for _ in range(len(browser.find("[data-plot]")) + 30):
        ActionChains(browser.driver).send_keys(Keys.TAB).perform()
        reached.add(browser.script("return document.activeElement.dataset.plot || ''"))
    assert {one.get_attribute("data-plot") for one in browser.find("[data-plot]")} <= reached
    assert all(one.get_attribute("aria-label") for one in browser.find("[data-plot]"))


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_is_large_and_dark_enough(show, theme, width):
    browser = show(page_sample.document, prefers_color_scheme=theme)
    browser.resize(width)
    browser.wait(
        "return Object.values(document.querySelectorAll('[data-plot]')).every((one) => one.clientWidth < arguments[0]"
        " && one.querySelector('svg').clientWidth === one.clientWidth)",
        width,
    )
    texts = browser.ask("texts")
    assert len(texts) > 300
    for text in texts:
        assert text["size"] >= SMALLEST_PX, text
        assert contrast(text["colour"], text["ground"]) >= TEXT_CONTRAST, text


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_parts_can_be_told_apart(show, theme):
    browser = show()
    browser.emulate(prefers_color_scheme=theme)
    style = "return getComputedStyle(document.documentElement).getPropertyValue(arguments[0])"
    colours = {name: rgb(browser.script(style, "--" + name)) for name in (*PARTS, "failed-line", "track")}
    for eyes in EYES:
        seen = {name: seen_by(eyes, colour) for name, colour in colours.items()}
        for one, other in itertools.combinations(PARTS, 2):
            assert difference(seen[one], seen[other]) >= PART_DIFFERENCE, (eyes, one, other)
        for one in ("gil", "app", "failed-line"):
            assert difference(seen[one], seen["track"]) >= 2 * PART_DIFFERENCE, (eyes, one)


def test_dark_follows_the_system_and_the_button(show):
    browser = show(prefers_color_scheme="light")
    light = browser.ask("colours")
    browser.find("#theme")[0].click()
    dark = browser.ask("colours")
    assert all(one != other for one, other in zip(light, dark))
    assert sum(rgb(dark[0])) < sum(rgb(dark[1])) and sum(rgb(light[0])) > sum(rgb(light[1]))
    browser.find("#theme")[0].click()
    assert browser.ask("colours") == light
    browser = show(prefers_color_scheme="dark")
    assert browser.ask("colours") == dark
    browser.emulate(prefers_color_scheme="light")
    browser.until(lambda: browser.ask("colours") == light)


@pytest.mark.parametrize("document", ["everything", "hostile", "failures"])
def test_nothing_sticks_out_at_400_pixels(show, document):
    browser = show(DOCUMENTS[document], width=400)
    assert browser.ask("tooWide", 400) == []
    assert browser.script("return document.documentElement.scrollWidth") == 400
    lefts = {one.location["x"] for one in browser.find("#timelines-0 .panel")}
    assert len(lefts) == 1, "small multiples stand below each other"


def test_pictures_follow_the_width(show):
    browser = show()
    before = browser.script("return document.querySelector('#latency-0 svg').clientWidth")
    assert len({one.location["x"] for one in browser.find("#timelines-0 .panel")}) == 4, (
        "small multiples stand beside each other"
    )
    browser.resize(400)
    browser.wait("return document.querySelector('#latency-0 svg').clientWidth <= 368")
    browser.resize(768)
    browser.wait("return document.querySelector('#latency-0 svg').clientWidth < 360")
    assert len({one.location["x"] for one in browser.find(".chart")}) == 2, "a tablet has room for two charts"
    browser.resize(1280)
    browser.wait("return document.querySelector('#latency-0 svg').clientWidth === arguments[0]", before)


def test_hostile_texts_are_only_texts(show):
    browser = show(page_sample.hostile)
    assert len(browser.find("script")) == 4
    assert browser.find("img") == []
    text = browser.script("return document.body.innerText")
    assert text.count(page_sample.HOSTILE) > 20 and "49" not in browser.find("h2")[1].text
    assert browser.find("pre")[0].text == page_sample.HOSTILE
    plot = browser.find("#timeline-0-2")[0]
    plot.send_keys(Keys.HOME)
    browser.until(lambda: browser.ask("hover", "timeline-0-2")[-1:] == [page_sample.HOSTILE])
    assert browser.find("#live-0")[0].text.endswith(page_sample.HOSTILE)


def test_error_of_a_run_is_shown_whole(show):
    browser = show(page_sample.failures)
    assert browser.find("pre")[0].text == browser.document["experiments"][0]["runs"][0]["error"]
    boxes = browser.ask("bars", "timeline-0-1")["boxes"]
    assert (len(boxes["app"]), len(boxes["failed"])) == (17, 3)
    assert "2 requests that no worker is known to have run" in browser.find("#timelines-0")[0].text


def test_interrupted_comparison_says_so(show):
    browser = show(page_sample.interrupted)
    assert "Interrupted." in browser.find("main .notice")[0].text
    assert "No run of this experiment was measured." in browser.find("main")[0].text


def test_many_requests_are_drawn_up_to_a_moment_and_the_page_says_so(show):
    browser = show(page_sample.many)
    shown = [browser.ask("bars", "timeline-0-%d" % at)["boxes"] for at in range(3)]
    drawn = [sum(len(boxes.get(part) or []) for part in ("app", "failed")) for boxes in shown]
    assert drawn[2] == 400 and drawn[0] < drawn[1] < drawn[2]
    text = browser.find("#timelines-0")[0].text
    assert re.search(r"Only the first [\d.]+\s+s of each run are drawn", text)
    assert "%d of 1,000 requests are drawn" % drawn[0] in text


def test_motion_is_reduced_on_demand_and_print_has_no_buttons(show):
    browser = show(prefers_reduced_motion="reduce")
    assert browser.script("return getComputedStyle(document.documentElement).scrollBehavior") == "auto"
    assert browser.ask("isStill")
    browser.emulate(kind="print")
    assert browser.script("return getComputedStyle(document.getElementById('theme')).display") == "none"


def test_print_is_light_and_leaves_the_page_as_it_was(show):
    browser = show(prefers_color_scheme="dark")
    dark = browser.ask("colours")
    browser.script("window.dispatchEvent(new Event('beforeprint'))")
    assert sum(rgb(browser.ask("colours")[0])) > 3 * 250
    browser.script("window.dispatchEvent(new Event('afterprint'))")
    assert browser.ask("colours") == dark
    folded = "return document.querySelectorAll('details:not([open])').length"
    before = browser.script(folded)
    browser.script("window.dispatchEvent(new Event('beforeprint'))")
    assert browser.script(folded) == 0, "paper cannot be unfolded"
    browser.script("window.dispatchEvent(new Event('afterprint'))")
    assert browser.script(folded) == before >= 2
    assert len(browser.driver.print_page()) > 50_000
    assert browser.ask("colours") == dark
