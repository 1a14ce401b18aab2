"use strict";
(() => {
  const reel = JSON.parse(document.getElementById("reel").textContent);
  const tracks = document.getElementById("tracks"), cursor = document.getElementById("cursor");
  const readout = document.getElementById("readout"), tip = document.getElementById("tip");
  const charts = [...document.querySelectorAll("svg.time")];
  const ticks = document.querySelector(".ticks");
  const whole = reel.frames / reel.cell, closest = Math.min(whole, 1.5 * reel.rate / reel.cell);
  const view = {from: 0, width: whole};
  let shown = [];
  document.documentElement.classList.add("scripted");

  // ---- times

  // As Python rounds: a half to the even one.
  function nearest(x) {
    const down = Math.floor(x), rest = x - down;
    return rest > .5 || (rest === .5 && down % 2) ? down + 1 : down;
  }

  const two = (n) => String(n).padStart(2, "0");

  function told(sample) {
    if (!reel.clock) {
      const tenths = Math.round(10 * sample / reel.rate), hours = Math.floor(tenths / 36000), minutes = Math.floor(tenths / 600);
      const seconds = `${two(Math.floor(tenths / 10) % 60)}.${tenths % 10}`;
      return hours ? `${hours}:${two(minutes % 60)}:${seconds}` : `${minutes}:${seconds}`;
    }
    const {frames, seconds, drop, start} = reel.clock;
    const counted = Math.ceil(frames / seconds), place = start + sample;
    let frame = Math.floor(place * frames / (seconds * reel.rate));
    // where frames begin between two samples, the nearest sample may lie just before its frame
    if (nearest((frame + 1) * seconds * reel.rate / frames) <= place) frame += 1;
    if (drop) {
      const left = counted / 15, tens = Math.floor(frame / (600 * counted - 9 * left)), rest = frame % (600 * counted - 9 * left);
      frame += left * (9 * tens + Math.max(Math.floor((rest - left) / (60 * counted - left)), 0));
    }
    const s = Math.floor(frame / counted);
    return `${two(Math.floor(s / 3600) % 24)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}${drop ? ";" : ":"}${two(frame % counted)}`;
  }

  // Seconds that the clock shows at a sample, and the sample at which it shows them: ticks stand on whole ones.
  const onClock = (sample) => !reel.clock ? sample / reel.rate
    : Math.floor((reel.clock.start + sample) * reel.clock.frames / (reel.clock.seconds * reel.rate) / Math.ceil(reel.clock.frames / reel.clock.seconds)) - 2;

  function ofClock(shown) {
    if (!reel.clock) return shown * reel.rate;
    const {frames, seconds, drop, start} = reel.clock, counted = Math.ceil(frames / seconds), minutes = Math.floor(shown / 60 + 1e-9);
    const left = drop ? counted / 15 * (minutes - Math.floor(minutes / 10)) : 0;
    // the codes that drop-frame leaves out begin every minute: the first one that there is
    const skipped = drop && shown % 60 === 0 && minutes % 10 ? counted / 15 : 0;
    return (shown * counted - left + skipped) * seconds * reel.rate / frames - start;
  }

  // ---- the view

  function show(from, width) {
    if (!Number.isFinite(from) || !Number.isFinite(width)) return;  // of numbers that are none ticks have no end
    view.width = Math.min(Math.max(width, closest), whole);
    view.from = Math.min(Math.max(from, 0), whole - view.width);
    const near = view.width < 0.5 * whole;
    for (const chart of charts) {
      const height = chart.viewBox.baseVal.height;
      chart.setAttribute("viewBox", `${view.from} 0 ${view.width} ${height}`);
      for (const map of chart.querySelectorAll("[data-detail]")) {
        const fine = map.parentNode.querySelector("[data-detail=fine]");
        if (!fine) continue;
        if (near && !fine.hasAttribute("href")) fine.setAttribute("href", fine.dataset.href);
        map.style.display = (map.dataset.detail === "fine") === near ? "inline" : "none";
      }
    }
    drawTicks();
    place(null);
  }

  function drawTicks() {
    const room = Math.max(Math.floor(ticks.clientWidth / (reel.clock ? 110 : 84)), 1);
    const seconds = view.width * reel.cell / reel.rate;
    const step = [.1, .2, .5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600].find((one) => seconds / one <= room) || 7200;
    const marks = [], end = (view.from + view.width) * reel.cell;
    for (let n = Math.floor(onClock(view.from * reel.cell) / step); ; n++) {
      const sample = ofClock(n * step);
      if (sample > end + 1e-6) break;
      if (sample < view.from * reel.cell - 1e-6) continue;
      const mark = document.createElement("i"), left = 100 * (sample / reel.cell - view.from) / view.width;
      mark.style.left = `${left}%`;
      if (left <= 100 - 100 * (reel.clock ? 100 : 76) / Math.max(ticks.clientWidth, 1)) mark.textContent = told(Math.round(sample));
      marks.push(mark);
    }
    ticks.replaceChildren(...marks);
  }

  const zoom = (by, around = view.from + view.width / 2) =>
    show(around - (around - view.from) * by, view.width * by);
  const move = (by) => show(view.from + by * view.width, view.width);

  function jump(start, end, focus = true) {
    const middle = (start + end) / 2 / reel.cell, width = Math.max(3 * (end - start), 8 * reel.rate) / reel.cell;
    show(middle - width / 2, width);
    place(start / reel.cell);
    history.replaceState(null, "", `#t=${(start / reel.rate).toFixed(3)},${(end / reel.rate).toFixed(3)}`);
    const top = document.querySelector("#timeline");
    top.scrollIntoView({block: "start"});
    if (focus) tracks.focus({preventScroll: true});
  }

  function neighbour(forward) {
    const rows = reel.conflicts, known = neighbour.at === undefined ? -1 : neighbour.at;
    const here = (place.at === null ? view.from + (forward ? 0 : view.width) : place.at) * reel.cell;
    // from one that was gone to just now, the next in the row; from anywhere else, the nearest in time
    const near = known >= 0 && Math.abs(rows[known][0] - here) < 2;
    let to = near ? known + (forward ? 1 : -1) : forward ? rows.findIndex(([start]) => start > here) : rows.findLastIndex(([start]) => start < here);
    if (to < 0 || to >= rows.length) return;
    neighbour.at = to;
    const [start, end, id] = rows[to], row = document.getElementById(`c-${id}`);
    jump(start, end, false);
    mark(row);
    if (!row) return;
    const [who, hertz, snr] = [1, 2, 4].map((cell) => row.cells[cell].textContent);
    readout.textContent = [told(start), `${who}, ${hertz} Hz, ${snr} dB`, ...readout.textContent.split(" · ").slice(1)].join(" · ");
  }

  const actions = {
    in: () => zoom(.5), out: () => zoom(2), left: () => move(-.4), right: () => move(.4), all: () => show(0, whole),
    next: () => neighbour(true), previous: () => neighbour(false),
  };
  for (const button of document.querySelectorAll("[data-view]")) button.addEventListener("click", () => actions[button.dataset.view]());
  const keys = {"+": "in", "=": "in", "-": "out", _: "out", ArrowLeft: "left", ArrowRight: "right", 0: "all", n: "next", p: "previous"};
  document.addEventListener("keydown", (event) => {
    if (event.target.closest("input, audio") || event.ctrlKey || event.metaKey || event.altKey) return;
    const action = keys[event.key];
    // a wide table is moved by its own arrows
    if (!action || (event.key.startsWith("Arrow") && event.target.closest(".scrolled"))) return;
    event.preventDefault();
    actions[action]();
  });

  // ---- what lies under the pointer

  const plot = () => charts[0].getBoundingClientRect();
  const cellAt = (x) => { const box = plot(); return view.from + view.width * Math.min(Math.max((x - box.left) / box.width, 0), 1); };
  const inside = (x) => { const box = plot(); return x >= box.left && x <= box.right; };

  function place(at, to = null) {
    place.at = at;
    const box = plot(), left = tracks.getBoundingClientRect().left;
    const seen = at !== null && at >= view.from - 1e-6 && at <= view.from + view.width + 1e-6;
    cursor.hidden = !seen;
    if (!seen) return;
    const from = to === null ? at : Math.min(at, to), width = to === null ? 0 : Math.abs(to - at);
    cursor.style.left = `${box.left - left + box.width * (from - view.from) / view.width}px`;
    cursor.style.width = `${box.width * width / view.width}px`;
    cursor.classList.toggle("wide", to !== null);
    const sample = Math.round(at * reel.cell);
    const lines = reel.lines.filter(([start, end]) => start <= sample && sample < end);
    const words = lines.map(([, , id, before, after]) => `${id}: clarity ${before.toFixed(2)} → ${after.toFixed(2)}`);
    readout.textContent = [told(sample), ...(words.length ? words : ["no line"])].join(" · ");
  }
  place.at = null;

  let drag = null;
  tracks.addEventListener("pointerdown", (event) => {
    if (event.button || !inside(event.clientX)) return;
    drag = {from: cellAt(event.clientX), x: event.clientX, moved: false};
  });
  tracks.addEventListener("pointermove", (event) => {
    if (!event.buttons) drag = null;  // let go of outside, where nobody heard of it
    if (!inside(event.clientX)) return;
    if (drag && (drag.moved || Math.abs(event.clientX - drag.x) > 5)) {
      if (!drag.moved) tracks.setPointerCapture(event.pointerId);
      drag.moved = true;
      place(drag.from, cellAt(event.clientX));
    } else place(cellAt(event.clientX));
  });
  const dropped = (event) => {
    const done = drag;
    drag = null;
    if (!done || !done.moved || event.type === "pointercancel") return;
    const to = cellAt(event.clientX), width = Math.abs(to - done.from);
    if (event.pointerType === "touch") move((done.from - to) / view.width);
    else show(Math.min(done.from, to), width);
  };
  tracks.addEventListener("pointerup", dropped);
  tracks.addEventListener("pointercancel", dropped);
  tracks.addEventListener("dblclick", (event) => zoom(4, cellAt(event.clientX)));
  tracks.addEventListener("wheel", (event) => {
    const across = Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (!event.ctrlKey && !across) return;
    event.preventDefault();
    if (event.ctrlKey) zoom(Math.exp(event.deltaY / 200), cellAt(event.clientX));
    else move(event.deltaX / 800);
  }, {passive: false});

  // what browsers tell late, and on phones never, is told at once
  for (const title of document.querySelectorAll("svg title")) {
    title.parentNode.dataset.tip = title.textContent;
    title.parentNode.setAttribute("role", "img");
    title.parentNode.setAttribute("aria-label", title.textContent);
    title.remove();
  }
  function hint(event) {
    const mark = event.target.closest && event.target.closest("[data-tip]");
    tip.hidden = !mark || (drag && drag.moved);
    if (tip.hidden) return;
    tip.textContent = mark.dataset.tip;
    const box = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - box.width - 8))}px`;
    tip.style.top = `${event.clientY + 18 + box.height < innerHeight ? event.clientY + 18 : Math.max(4, event.clientY - box.height - 12)}px`;
  }
  document.addEventListener("pointermove", hint);
  document.addEventListener("pointerdown", hint);
  document.addEventListener("scroll", () => { tip.hidden = true; }, {passive: true});

  // ---- from a move to its row and back, from a row to its place

  function mark(...elements) {
    for (const one of shown) one.classList.remove("shown");
    shown = elements.filter(Boolean);
    for (const one of shown) one.classList.add("shown");
  }
  const barOf = (id) => document.querySelector(`[data-move="${CSS.escape(id)}"]`);
  tracks.addEventListener("click", (event) => {
    const bar = event.target.closest("[data-move]");
    if (!bar) return;
    const row = document.getElementById(`m-${bar.dataset.move}`);
    if (!row) return;
    const {table} = row.closest("table").dataset;
    if (row.hidden) filter(table, "");
    unfold(table, true);
    mark(bar, row);
    row.scrollIntoView({block: "center"});
  });
  function toPlace(hash, focus) {
    // a link that ends a sentence has its full stop behind it
    const found = /^#t=(\d+(?:\.\d+)?),(\d+(?:\.\d+)?)\.?$/.exec(hash);
    if (found) jump(found[1] * reel.rate, found[2] * reel.rate, focus);
    return Boolean(found);
  }
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.jump");
    if (!link || !toPlace(link.getAttribute("href"), true)) return;
    event.preventDefault();
    const row = link.closest("tr");
    mark(row, row && row.id.startsWith("m-") ? barOf(row.id.slice(2)) : null);
  });
  addEventListener("hashchange", () => toPlace(location.hash, true));

  // ---- long tables

  const tableOf = (name) => document.querySelector(`[data-table="${name}"]`);
  function unfold(name, open) {
    tableOf(name).classList.toggle("all", open);
    const button = document.querySelector(`[data-all="${name}"]`);
    if (!button) return;
    button.setAttribute("aria-expanded", open);
    button.textContent = open ? "Show fewer" : button.dataset.text;
  }
  for (const button of document.querySelectorAll("[data-all]")) {
    button.dataset.text = button.textContent;
    button.addEventListener("click", () => {
      unfold(button.dataset.all, !tableOf(button.dataset.all).classList.contains("all"));
    });
  }
  function filter(name, wanted) {
    const table = tableOf(name), words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
    document.querySelector(`[data-filter="${name}"]`).value = wanted;
    table.classList.toggle("found", words.length > 0);  // of all rows, whether they are folded or not
    for (const row of table.tBodies[0].rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
  }
  for (const input of document.querySelectorAll("[data-filter]")) {
    input.addEventListener("input", () => filter(input.dataset.filter, input.value));
  }

  // ---- before and after, at one place

  for (const excerpt of document.querySelectorAll(".excerpt")) {
    const players = [...excerpt.querySelectorAll("audio")], button = excerpt.querySelector("button");
    for (const player of players) player.addEventListener("play", () => {
      for (const other of document.querySelectorAll("audio")) if (other !== player) other.pause();
    });
    if (button) button.addEventListener("click", () => {
      const from = players.find((one) => !one.paused), to = players[from ? 1 - players.indexOf(from) : 0];
      if (from) { to.currentTime = from.currentTime; from.pause(); }
      to.play();
    });
  }

  addEventListener("beforeprint", () => show(0, whole));
  const bar = document.querySelector("#timeline > .bar");
  const fit = () => {
    document.documentElement.style.setProperty("--bar", `${bar.offsetHeight}px`);
    show(view.from, view.width);
  };
  addEventListener("resize", fit);
  view.from = reel.view[0] / reel.cell;
  view.width = (reel.view[1] - reel.view[0]) / reel.cell;
  fit();
  toPlace(location.hash, false);
})();
