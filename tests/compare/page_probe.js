// SPDX-License-Identifier: MIT
// What the tests ask of the page; page_browser.py runs one of these functions in it.

const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
const isVisible = (colour) => colour !== "rgba(0, 0, 0, 0)" && colour !== "transparent";

function groundOf(element) {
  for (let one = element; one; one = one.parentElement) {
    const colour = getComputedStyle(one).backgroundColor;
    if (isVisible(colour)) return colour;
  }
  return getComputedStyle(document.documentElement).backgroundColor;
}

// Every text that can be seen: {text, colour, ground: the colour behind it, size in pixels}.
function texts() {
  const unseen = "script, style, .skip, details:not([open]) > :not(summary)";
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    const parent = walker.currentNode.parentElement;
    if (!text || parent.closest(unseen) || !parent.getBoundingClientRect().width) continue;
    const style = getComputedStyle(parent);
    const colour = parent.closest("svg") ? style.fill : style.color;
    found.push({ text: text.slice(0, 40), colour, ground: groundOf(parent), size: parseFloat(style.fontSize) });
  }
  return found;
}

// Every figure that the page shows: [run, path of the figure, text].
function figures() {
  return $$("[data-figure]").map((one) => [one.dataset.run, one.dataset.figure, one.textContent]);
}

// For each picture whether something has been drawn.
function drawn() {
  return $$("[data-plot]").map((one) => one.querySelector("svg.main-svg g.points path") !== null);
}

// A timeline: {names: its parts, boxes: {part: [box of each bar]}, order: {part: [index of each bar's request]},
// left, width: pixels, range: seconds}.
function bars(id) {
  const plot = document.getElementById(id);
  const axis = plot._fullLayout.xaxis;
  const boxesOf = (group) => $$("g.point path", group).map((one) => one.getBoundingClientRect().toJSON());
  const groups = $$("g.trace.bars", plot).map(boxesOf);
  return {
    names: plot.data.map((trace) => trace.name),
    boxes: Object.fromEntries(plot.data.map((trace, at) => [trace.name, groups[at]])),
    order: Object.fromEntries(plot.data.map((trace) => [trace.name, trace.customdata])),
    left: plot.getBoundingClientRect().left + axis._offset, width: axis._length, range: axis.range,
  };
}

// The lines of what is shown beside the pointer.
function hover(id) {
  return $$("#" + id + " .hovertext tspan.line").map((one) => one.textContent);
}

// Colours of the page and of a picture: [ground, text, text of the axis, bars].
function colours() {
  const root = getComputedStyle(document.documentElement);
  const plot = document.getElementById("timeline-0-2");
  const bar = plot.querySelectorAll("g.trace.bars")[1].querySelector("path");
  const axis = plot.querySelector(".xtick text");
  return [root.backgroundColor, root.color, getComputedStyle(axis).fill, getComputedStyle(bar).fill];
}

// What reaches beyond the right edge of a window of this width, but for what scrolls by itself.
function tooWide(width) {
  const outside = (one) => !one.closest(".scroll, .skip, defs") && one.getBoundingClientRect().right > width + 1;
  return $$("body *").filter(outside).map((one) => one.outerHTML.slice(0, 120));
}

// Calls done with the kind of request that the page's policy refuses, when the page tries one.
function refused(done) {
  document.addEventListener("securitypolicyviolation", (event) => done(event.effectiveDirective));
  fetch("http://127.0.0.1:9/").catch(() => undefined);
}

// Whether nothing on the page moves by itself.
function isStill() {
  return $$("*").every((one) => parseFloat(getComputedStyle(one).transitionDuration) === 0);
}
