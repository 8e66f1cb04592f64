// SPDX-License-Identifier: MIT
// Draws the plotly figures that the page carries, in the colours of the theme and the width at hand, and tells a request's own figures:
// beside the pointer, and in the line under the pictures, which screen readers speak. Everything is in the page; nothing is fetched.
"use strict";
(() => {
  const comparison = JSON.parse(document.getElementById("comparison").textContent);
  const plots = JSON.parse(document.getElementById("plots").textContent);
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const narrow = 520;
  const hint = new Map();

  const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const isDark = () => (root.dataset.theme || (system.matches ? "dark" : "light")) === "dark";

  function coloured(value, style) {
    if (typeof value === "string" && value.startsWith("@")) return style.getPropertyValue("--" + value.slice(1)).trim();
    if (Array.isArray(value)) return value.map((one) => coloured(one, style));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, coloured(one, style)]));
  }

  // Milliseconds of a duration or of two moments in microseconds, as the JSON has them.
  const ms = (us) => (us / 1000).toFixed(3) + " ms";
  const between = (from, to) => (from == null || to == null ? null : to - from);

  function lines(request) {
    const server = [request.queue_us, request.gil_us, request.app_us, request.write_us];
    const client = between(request.sent_us, request.answered_us);
    const whole = server.every((part) => part != null) ? server.reduce((sum, part) => sum + part, 0) : null;
    const parts = [
      ["waited", request.queue_us], ["waited, by the client's clock", request.queue_us == null ? between(request.sent_us, request.begun_us) : null],
      ["GIL wait", request.gil_us], ["app", request.app_us], ["write", request.write_us], ["server's clock", whole], ["client's clock", client],
      ["result after", between(request.sent_us, request.done_us)],
    ];
    const where = request.worker == null ? "run by no worker" : "worker " + request.worker + (request.thread == null ? "" : ", thread " + request.thread) + ", pid " + request.pid;
    const outcome = request.status == null ? "no answer" : "status " + request.status;
    return ["Request " + request.id, where, outcome, ...parts.filter((part) => part[1] != null).map((part) => part[0] + " " + ms(part[1])),
      ...(request.error ? [String(request.error)] : [])];
  }

  // What the pointer and the keyboard tell of each point: {texts: [[text of a point]] by trace, stops: [[trace, point]] in order}.
  function told(plot) {
    if (plot.run) {
      const run = comparison.experiments[plot.run[0]].runs[plot.run[1]];
      const texts = plot.data.map((trace) => trace.customdata.map((index) => lines(run.requests[index])));
      const place = new Map();
      plot.data.forEach((trace, at) => {
        if (trace.name === "app" || trace.name === "failed") trace.customdata.forEach((index, point) => place.set(index, [at, point]));
      });
      return { texts, stops: plot.order.map((index) => place.get(index)) };
    }
    const texts = plot.data.map((trace) => trace.texts.map((text) => (text === null ? null : [text])));
    const stops = plot.data.flatMap((trace, at) => trace.texts.map((text, point) => (text === null ? null : [at, point])).filter(Boolean));
    return { texts, stops: stops.sort((a, b) => plot.data[a[0]].x[a[1]] - plot.data[b[0]].x[b[1]]) };
  }

  function layoutOf(plot, style, width) {
    const axis = { fixedrange: true, zeroline: false, zerolinecolor: "@muted", zerolinewidth: 1, gridcolor: "@grid", linecolor: "@rule", tickcolor: "@rule", automargin: false };
    const made = { ...plot.layout, width, autosize: false, paper_bgcolor: "@page", plot_bgcolor: "@page", showlegend: false, dragmode: false,
      hovermode: "closest", font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: "@muted" },
      hoverlabel: { bgcolor: "@ink", bordercolor: "@ink", font: { color: "@page", size: 12 }, align: "left" } };
    made.xaxis = { ...axis, ...plot.layout.xaxis };
    made.yaxis = { ...axis, ...plot.layout.yaxis };
    if (plot.run) made.xaxis.showgrid = true;
    return coloured(made, style);
  }

  function draw(element) {
    const plot = plots[element.dataset.plot];
    const style = getComputedStyle(root);
    plot.told = plot.told || told(plot);
    const data = plot.data.map((trace, at) => {
      const { texts, ...rest } = trace;
      return { ...coloured(rest, style), hovertext: plot.told.texts[at].map((text) => (text === null ? "" : text.map(escaped).join("<br>"))) };
    });
    plot.width = Math.floor(element.clientWidth);
    Plotly.react(element, data, layoutOf(plot, style, plot.width), { displayModeBar: false, responsive: false, scrollZoom: false, doubleClick: false });
    if (!plot.listening) listen(element, plot);
    element.dataset.drawn = (Number(element.dataset.drawn) || 0) + 1;
  }

  function tell(element, plot, trace, point) {
    const live = document.getElementById(element.getAttribute("aria-describedby"));
    live.textContent = plot.told.texts[trace][point].join(", ");
    plot.at = plot.told.stops.findIndex((stop) => same(plot, stop, trace, point));
  }

  function same(plot, stop, trace, point) {
    if (!plot.run) return stop[0] === trace && stop[1] === point;
    return plot.data[stop[0]].customdata[stop[1]] === plot.data[trace].customdata[point];
  }

  function step(element, plot, at) {
    plot.at = Math.max(0, Math.min(plot.told.stops.length - 1, at));
    const [trace, point] = plot.told.stops[plot.at];
    Plotly.Fx.hover(element, [{ curveNumber: trace, pointNumber: point }]);
    tell(element, plot, trace, point);
  }

  function listen(element, plot) {
    plot.listening = true;
    plot.at = -1;
    element.on("plotly_hover", (event) => tell(element, plot, event.points[0].curveNumber, event.points[0].pointNumber));
    element.addEventListener("keydown", (event) => {
      const to = { ArrowRight: plot.at + 1, ArrowDown: plot.at + 1, ArrowLeft: plot.at - 1, ArrowUp: plot.at - 1, Home: 0, End: plot.told.stops.length - 1 }[event.key];
      if (event.key === "Escape") Plotly.Fx.unhover(element);
      if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      step(element, plot, to);
    });
    element.addEventListener("blur", () => Plotly.Fx.unhover(element));
  }

  const all = [...document.querySelectorAll("[data-plot]")];
  const drawAll = () => all.forEach(draw);

  function showTheme() {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", "Show the page in " + (isDark() ? "light" : "dark") + " colours");
    drawAll();
  }

  button.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; showTheme(); });
  system.addEventListener("change", showTheme);
  new ResizeObserver(() => all.filter((element) => plots[element.dataset.plot].width !== Math.floor(element.clientWidth)).forEach(draw)).observe(document.querySelector("main"));
  // On paper everything is light and unfolded.
  let before, folded = [];
  window.addEventListener("beforeprint", () => {
    before = root.dataset.theme;
    folded = [...document.querySelectorAll("details:not([open])")];
    folded.forEach((one) => { one.open = true; });
    root.dataset.theme = "light";
    drawAll();
  });
  window.addEventListener("afterprint", () => {
    folded.forEach((one) => { one.open = false; });
    if (before) root.dataset.theme = before; else delete root.dataset.theme;
    drawAll();
  });
  showTheme();
  root.dataset.ready = "yes";
})();
