"use strict";
(() => {
  const { $, data, MONTHS, UNITS, GROUPS, make, draw, number, counted, two, day, clock, moment, address, framed, lost,
    nameOf } = trailcam;
  const CARDS_AT_ONCE = 48;
  const STRIP = 5;

  // ---- the data, with what is asked for often worked out once
  const photos = data.photos.map((row, index) => {
    const [station, us, ratio, name, suspect, problem, thumb, large, boxes] = row;
    const at = us === null ? null : new Date(Math.floor(us / 1000));
    return {
      index, station, us, at, ratio, name, suspect, problem, thumb, large,
      month: at && at.getUTCFullYear() * 12 + at.getUTCMonth(), // since the year 0, as in the coverage
      hour: at && at.getUTCHours(),
      boxes: boxes.map(([cls, confidence, x, y, w, h, recommended]) =>
        ({ cls, confidence: Math.fround(confidence), x, y, w, h, recommended: Boolean(recommended) })),
    };
  });
  const tallies = data.coverage.map(([station, month, hour, completed, pending, failed, missing]) =>
    ({ station, month, hour, completed, pending, failed, missing }));
  const chosen = { classes: new Set(), stations: new Set() }; // empty: all
  let view = null;

  // ---- small helpers
  const monthName = (month) => `${MONTHS[month % 12]} ${Math.floor(month / 12)}`;
  const percent = (part, whole) =>
    (part >= whole ? "100 %" : part > 0 && part / whole < 0.01 ? "<1 %" : `${Math.floor((part / whole) * 100 + 1e-9)} %`);
  const seasonYear = (month, first) => Math.floor(month / 12) - (month % 12 < first - 1 ? 1 : 0);
  const yearName = (start, first) =>
    (first === 1 ? String(start) : `${start}-${two((start + 1) % 100)}`);
  const label = (cls) => data.classes[cls].label;

  // ---- the filters
  const season = () => data.seasons[$("season").selectedIndex - 1];
  const firstMonth = () => (season() ? season().firstMonth : data.firstMonth);
  const option = (select, value, text) => select.add(new Option(text, value));

  function fillFilters() {
    option($("season"), "", "All year");
    for (const { name, label: text } of data.seasons) option($("season"), name, text);
    const months = new Set(tallies.filter((t) => t.month !== null).map((t) => t.month % 12));
    option($("month"), "", "All months");
    for (const [n, name] of MONTHS.entries()) if (months.has(n)) option($("month"), n, name);
    for (let hour = 0; hour < 24; hour += 1) {
      option($("from"), hour, `${two(hour)}:00`);
      option($("to"), hour, `${two(hour)}:59`);
    }
    $("to").value = "23";
    for (const option_ of [$("to"), $("from")]) option_.querySelector(`[value="${option_.value}"]`).defaultSelected = true;
    fillYears();
    chips("classes", data.classes.map((c) => c.label));
    chips("stations", data.stations);
    const slider = $("confidence");
    slider.min = Math.min(data.lowest, 0.95);
    slider.max = 0.99;
    const start = String(data.confidence ?? 0.5);
    slider.setAttribute("value", start);
    const differs = photos.some((p) => p.boxes.some((b) => b.recommended !== b.confidence >= 0.5));
    $("recommended-row").hidden = data.confidence !== null || !differs;
    $("recommended").defaultChecked = data.confidence === null && differs;
  }

  function fillYears() {
    const before = $("year").value;
    const first = firstMonth();
    const starts = new Set(tallies.filter((t) => t.month !== null).map((t) => seasonYear(t.month, first)));
    $("year").replaceChildren();
    option($("year"), "", "All years");
    for (const start of [...starts].sort((a, b) => b - a)) option($("year"), start, yearName(start, first));
    if ([...$("year").options].some((o) => o.value === before)) $("year").value = before;
  }

  function chips(id, names) {
    for (const [n, name] of names.entries()) {
      const chip = make("button", "", name);
      chip.type = "button";
      chip.setAttribute("aria-pressed", "false");
      chip.addEventListener("click", () => {
        const on = !chosen[id].delete(n);
        if (on) chosen[id].add(n);
        chip.setAttribute("aria-pressed", String(on));
        refresh();
      });
      $(id).append(chip);
    }
  }

  function readFilters() {
    const months = season() ? new Set(season().months.map((m) => m - 1)) : null;
    const from = Number($("from").value);
    const to = Number($("to").value);
    return {
      months,
      month: $("month").value === "" ? null : Number($("month").value),
      year: $("year").value === "" ? null : Number($("year").value),
      first: firstMonth(),
      hours: (to + 1) % 24 === from ? null : [from, to],
      recommended: $("recommended").checked,
      confidence: Math.fround(Number($("confidence").value)),
      ...chosen,
    };
  }

  // True or false; null for a photo without a time where a time is asked for.
  function inTime(filters, { month, hour }) {
    const { months, year, hours, first } = filters;
    if (!months && filters.month === null && year === null && !hours) return true;
    if (month === null) return null;
    if (months && !months.has(month % 12)) return false;
    if (filters.month !== null && month % 12 !== filters.month) return false;
    if (year !== null && seasonYear(month, first) !== year) return false;
    if (!hours) return true;
    const [from, to] = hours;
    return from <= to ? hour >= from && hour <= to : hour >= from || hour <= to;
  }

  const counts = (filters, box) =>
    (filters.recommended ? box.recommended : box.confidence >= filters.confidence)
    && (!filters.classes.size || filters.classes.has(box.cls));

  // ---- photos -> events, by the definition that `trailcam report` has: one station, one class, no longer gap
  function compute(filters) {
    const byVisitor = new Map();
    const shown = [];
    const undated = [];
    let leftOut = 0;
    for (let n = photos.length - 1; n >= 0; n -= 1) { // oldest first
      const photo = photos[n];
      if (filters.stations.size && !filters.stations.has(photo.station)) continue;
      const boxes = photo.boxes.filter((box) => counts(filters, box));
      if (!boxes.length) continue;
      const fits = inTime(filters, photo);
      if (fits === null) leftOut += 1;
      if (!fits) continue;
      shown.push({ photo, boxes });
      for (const cls of new Set(boxes.map((box) => box.cls))) {
        const key = photo.station * data.classes.length + cls;
        if (photo.us === null) undated.push({ photo, cls, station: photo.station });
        else if (byVisitor.has(key)) byVisitor.get(key).push(photo);
        else byVisitor.set(key, [photo]);
      }
    }
    const events = [];
    for (const [key, visits] of byVisitor) {
      const cls = key % data.classes.length;
      let event = null;
      for (const photo of visits) {
        if (!event || photo.us - event.photos.at(-1).us > data.gapUs) {
          event = { cls, station: photo.station, photos: [] };
          events.push(event);
        }
        event.photos.push(photo);
      }
    }
    events.sort((a, b) => b.photos.at(-1).us - a.photos.at(-1).us || a.cls - b.cls || a.station - b.station);
    return { filters, shown, events, undated: gather(undated), leftOut };
  }

  // Photos without a time are in no event; they are shown together, by station and class.
  function gather(entries) {
    const groups = new Map();
    for (const { photo, cls, station } of entries) {
      const key = station * data.classes.length + cls;
      if (!groups.has(key)) groups.set(key, { cls, station, photos: [] });
      groups.get(key).photos.push(photo);
    }
    return [...groups.values()].sort((a, b) => a.cls - b.cls || a.station - b.station);
  }

  const surest = (photo, cls) =>
    photo.boxes.reduce((best, box) => (box.cls === cls && box.confidence > best ? box.confidence : best), 0);

  // The best photo first, the others as they were taken.
  function inOrder({ photos: list, cls }) {
    let best = list[0];
    const worth = (photo) => surest(photo, cls) - (photo.problem ? 1 : 0);
    for (const photo of list) if (worth(photo) > worth(best)) best = photo;
    return [best, ...list.filter((photo) => photo !== best)];
  }

  // ---- what was looked at
  function coverageOf(filters, fits = () => true) {
    const sum = { completed: 0, pending: 0, failed: 0, missing: 0, photos: 0, undated: 0 };
    for (const tally of tallies) {
      if (filters.stations.size && !filters.stations.has(tally.station)) continue;
      if (!inTime(filters, tally) || !fits(tally)) continue;
      for (const status of ["completed", "pending", "failed", "missing"]) {
        sum[status] += tally[status];
        sum.photos += tally[status];
        if (tally.month === null) sum.undated += tally[status];
      }
    }
    return sum;
  }

  function showCoverage(sum) {
    const rest = ["pending", "failed", "missing"].map((status) => `${number(sum[status])} ${status}`).join(", ");
    const all = sum.completed === sum.photos;
    $("coverage-text").textContent = !sum.photos ? "Coverage: no photos."
      : `Coverage: ${number(sum.completed)} of ${counted(sum.photos, "photo")} looked at`
        + ` (${percent(sum.completed, sum.photos)})${all ? "" : `; ${rest}`}`
        + `${sum.undated ? `; ${number(sum.undated)} without a capture time` : ""}.`
        + `${all ? "" : " Counts may still grow."}`;
    $("coverage").classList.toggle("part", !all);
    $("coverage-bar").style.width = sum.photos ? `${(100 * sum.completed) / sum.photos}%` : "0";
  }

  // ---- statistics
  function tabulate(key, { shown, events }) {
    const table = new Map();
    const add = (value, measure, n) => {
      if (!table.has(value)) table.set(value, { photos: 0, events: 0, detections: 0 });
      table.get(value)[measure] += n;
    };
    for (const { photo, boxes } of shown) {
      if (key === "cls") {
        for (const cls of new Set(boxes.map((box) => box.cls))) add(cls, "photos", 1);
        for (const { cls } of boxes) add(cls, "detections", 1);
      } else {
        add(photo[key], "photos", 1);
        add(photo[key], "detections", boxes.length);
      }
    }
    // An event belongs to the month and hour of its first photo.
    for (const event of events) add(key === "cls" ? event.cls : event.photos[0][key], "events", 1);
    return table;
  }

  function statistics(result) {
    const tables = Object.fromEntries(["month", "hour", "station", "cls"].map((key) => [key, tabulate(key, result)]));
    const measure = $("measure").value;
    const cover = (key, value) => coverageOf(result.filters, (tally) => tally[key] === value);
    const row = (table, value, text, coverage) =>
      ({ text, n: table.get(value)?.[measure] ?? 0, coverage });
    const covered = (key, text) => [...new Set(tallies.map((t) => t[key]))]
      .map((value) => ({ value, coverage: cover(key, value) }))
      .filter(({ coverage }) => coverage.photos)
      .sort((a, b) => (a.value ?? Infinity) - (b.value ?? Infinity))
      .map(({ value, coverage }) => row(tables[key], value, text(value), coverage));
    const classes = data.classes.map((c, cls) => ({ ...row(tables.cls, cls, c.label), ...c, cls }))
      .filter(({ cls, n }) => n || !result.filters.classes.size || result.filters.classes.has(cls));
    const ages = classes.filter((c) => c.kind === "buck");
    const hours = covered("hour", (hour) => (hour === null ? "time unknown" : two(hour)));
    $("charts").replaceChildren(
      ...(ages.length ? [bars(`Bucks by age class, ${measure}`, ages)] : []),
      bars(`By class, ${measure}`, classes),
      bars(`By station, ${measure}`, covered("station", (station) => data.stations[station])),
      bars(`By month, ${measure}`, covered("month", (month) => (month === null ? "time unknown" : monthName(month)))),
      columns(`By hour of day, ${measure}`, hours.filter(({ text }) => text.length === 2)),
    );
    return tables;
  }

  function chart(title, rows, width, height) {
    const figure = make("figure");
    figure.append(make("figcaption", "", title));
    const told = rows.map(({ text, n }) => `${text}: ${number(n)}`).join("; ");
    const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img", "aria-label": `${title}. ${told}` });
    figure.append(svg);
    return [figure, svg];
  }

  // Every bar has its name and number beside it, so that nothing hangs on a colour.
  function bars(title, rows) {
    const [figure, svg] = chart(title, rows, 320, Math.max(1, rows.length) * 22);
    const most = Math.max(1, ...rows.map(({ n }) => n));
    for (const [n, { text, n: value, coverage }] of rows.entries()) {
      const top = n * 22;
      const short = text.length > 19 ? `${text.slice(0, 18)}…` : text;
      const name = draw("text", { x: 0, y: top + 15 }, short);
      name.append(draw("title", {}, text));
      const length = (value / most) * 110;
      const part = coverage && coverage.completed < coverage.photos;
      svg.append(
        name,
        draw("rect", { x: 130, y: top + 4, width: value ? Math.max(1.5, length) : 0, height: 14, rx: 2 }),
        draw("text", { x: 134 + length, y: top + 15 }, number(value)),
      );
      if (part) {
        const seen = percent(coverage.completed, coverage.photos);
        svg.append(draw("text", { x: 320, y: top + 15, "text-anchor": "end", class: "faint" }, `${seen} seen`));
      }
    }
    return figure;
  }

  function columns(title, rows) {
    const [figure, svg] = chart(title, rows, 480, 150);
    const most = Math.max(1, ...rows.map(({ n }) => n));
    svg.append(draw("line", { x1: 0, x2: 480, y1: 130.5, y2: 130.5 }));
    for (const { text, n } of rows) {
      const hour = Number(text);
      const height = (n / most) * 108;
      const x = hour * 20;
      const bar = draw("rect", { x: x + 3, y: 130 - height, width: 14, height, rx: 2 });
      bar.append(draw("title", {}, `${text}:00 to ${text}:59: ${number(n)}`));
      svg.append(bar);
      if (n) svg.append(draw("text", { x: x + 10, y: 126 - height, "text-anchor": "middle" }, number(n)));
    }
    for (let hour = 0; hour < 24; hour += 3) {
      svg.append(draw("text", { x: hour * 20 + 10, y: 146, "text-anchor": "middle", class: "faint" }, two(hour)));
    }
    return figure;
  }

  // ---- pictures: put in when they come near the window, taken from the page or the folder beside it
  const waiting = new Set();
  function load(image) {
    const source = address(photos[image.dataset.photo], "thumb");
    if (source) image.src = source;
    else waiting.add(image); // the file is still being read
  }
  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      load(target);
    }
  }, { rootMargin: "600px" });
  document.addEventListener("DOMContentLoaded", () => {
    for (const image of waiting) load(image);
    waiting.clear();
  });

  function describe(photo, cls) {
    return `${label(cls)}, ${data.stations[photo.station]}, ${moment(photo)}`;
  }

  function overlay(photo, cls, named) {
    const width = UNITS * photo.ratio;
    const svg = draw("svg", { viewBox: `0 0 ${width} ${UNITS}`, "aria-hidden": "true" });
    for (const box of photo.boxes) {
      const { x, y, w, h, confidence } = box;
      const counted_ = counts(view.filters, box) && (cls === null || box.cls === cls);
      if (!counted_ && !named) continue;
      const place = { x: x * width, y: y * UNITS, width: w * width, height: h * UNITS };
      const kind = GROUPS[data.classes[box.cls].kind] ?? "other";
      const group = draw("g", counted_ ? {} : { class: "faded" });
      group.append(draw("rect", { ...place, class: "under" }), draw("rect", { ...place, class: `over ${kind}` }));
      if (named) {
        group.append(nameOf(place, `${label(box.cls)} ${confidence.toFixed(2)}`, width));
      }
      svg.append(group);
    }
    return svg;
  }

  function photoButton(photo, cls, order) {
    const button = make("button", "photo");
    button.type = "button";
    button.dataset.order = order;
    button.setAttribute("aria-label", describe(photo, cls) + (photo.problem ? `, photo ${photo.problem}` : ""));
    if (photo.problem) {
      button.append(lost(photo));
    } else {
      const image = make("img");
      image.alt = "";
      image.decoding = "async";
      image.dataset.photo = photo.index;
      near.observe(image);
      button.append(framed(photo, image, overlay(photo, cls, false)));
    }
    return button;
  }

  function card({ cls, station, photos: list, orders }, ordered) {
    const node = make("article", "card");
    node.append(photoButton(ordered[0], cls, orders));
    if (ordered.length > 1) {
      const strip = make("div", "strip");
      const room = ordered.length - 1 > STRIP ? STRIP - 1 : STRIP;
      const add = (photo, n) => photoButton(photo, cls, orders + n);
      strip.append(...ordered.slice(1, room + 1).map((photo, n) => add(photo, n + 1)));
      if (ordered.length - 1 > room) {
        const rest = make("button", "rest", `+${ordered.length - 1 - room}`);
        rest.type = "button";
        rest.setAttribute("aria-label", `Show ${counted(ordered.length - 1 - room, "more photo")} of this event`);
        rest.addEventListener("click", () => {
          rest.replaceWith(...ordered.slice(room + 1).map((photo, n) => add(photo, n + room + 1)));
          strip.querySelector(`[data-order="${orders + room + 1}"]`).focus();
        });
        strip.append(rest);
      }
      node.append(strip);
    }
    const words = make("div", "words");
    words.append(make("h3", "", label(cls)), make("p", "", data.stations[station]), make("p", "", when(list)));
    const best = `${list.length > 1 ? "best " : ""}confidence ${surest(ordered[0], cls).toFixed(2)}`;
    const doubt = list.some((photo) => photo.suspect) ? " · doubtful camera clock" : "";
    words.append(make("p", "", `${counted(list.length, "photo")} · ${best}${doubt}`));
    node.append(words);
    return node;
  }

  function when(list) {
    const [first, last] = [list[0], list.at(-1)];
    if (!first.at) return "time unknown";
    if (clock(first.at) === clock(last.at) && day(first.at) === day(last.at)) return moment(first);
    const end = day(first.at) === day(last.at) ? clock(last.at) : moment(last);
    return `${moment(first)} – ${end}`;
  }

  // ---- the list of events, a screen or two at a time
  let pending = [];
  let heading = null;
  function restart() {
    near.disconnect();
    waiting.clear();
    $("events").replaceChildren();
    heading = null;
    pending = [...view.events, ...view.undated];
    view.sequence = [];
    $("none").hidden = pending.length > 0;
    showMore();
  }

  function showMore() {
    const nodes = document.createDocumentFragment();
    for (const event of pending.splice(0, CARDS_AT_ONCE)) {
      const last = event.photos.at(-1);
      const month = last.month === null ? "Time unknown: in no event" : monthName(last.month);
      if (month !== heading) nodes.append(make("h2", "", month));
      heading = month;
      const ordered = inOrder(event);
      event.orders = view.sequence.length;
      view.sequence.push(...ordered.map((photo) => ({ photo, cls: event.cls })));
      nodes.append(card(event, ordered));
    }
    $("events").append(nodes);
    $("more").hidden = !pending.length;
  }

  // ---- one photo, large
  let current = 0;
  function open(order) {
    current = order;
    showPhoto();
    if (!$("viewer").open) $("viewer").showModal();
  }

  function showPhoto() {
    if (current >= view.sequence.length - 1 && pending.length) showMore();
    const { photo, cls } = view.sequence[current];
    if (photo.problem) {
      $("stage").replaceChildren(lost(photo));
    } else {
      const image = make("img");
      image.alt = describe(photo, cls);
      image.src = address(photo, photo.large ? "large" : "thumb") ?? address(photo, "thumb") ?? "";
      const boxes = overlay(photo, null, true);
      boxes.classList.toggle("hidden", $("boxes").getAttribute("aria-pressed") === "false");
      boxes.style.display = boxes.classList.contains("hidden") ? "none" : "";
      $("stage").replaceChildren(framed(photo, image, boxes));
    }
    $("photo-title").textContent = describe(photo, cls);
    $("photo-found").textContent = photo.boxes.map((b) => `${label(b.cls)} ${b.confidence.toFixed(2)}`).join(" · ");
    $("photo-file").textContent = photo.name + (photo.suspect ? ` · camera clock in doubt: ${photo.suspect}` : "");
    $("position").textContent = `${number(current + 1)} of ${number(view.events.concat(view.undated)
      .reduce((sum, event) => sum + event.photos.length, 0))}`;
    $("previous").disabled = current === 0;
    $("next").disabled = current === view.sequence.length - 1;
  }

  function step(by) {
    const wanted = current + by;
    if (wanted < 0 || wanted >= view.sequence.length) return;
    current = wanted;
    showPhoto();
  }

  function toggleBoxes() {
    const on = $("boxes").getAttribute("aria-pressed") === "false";
    $("boxes").setAttribute("aria-pressed", String(on));
    showPhoto();
  }

  // ---- all of it, after every change
  function refresh() {
    const filters = readFilters();
    $("shown-confidence").textContent = filters.recommended
      ? "as recommended" : `from ${Number($("confidence").value).toFixed(2)}`;
    view = compute(filters);
    const coverage = coverageOf(filters);
    showCoverage(coverage);
    const detections = view.shown.reduce((sum, { boxes }) => sum + boxes.length, 0);
    const complete = coverage.completed === coverage.photos;
    const say = (id, n, sign) => { $(id).textContent = (complete ? "" : `${sign} `) + number(n); };
    say("n-photos", view.shown.length, "≥");
    say("n-detections", detections, "≥");
    say("n-events", view.events.length, "≈");
    $("left-out").textContent = view.leftOut
      ? `${counted(view.leftOut, "photo")} without a capture time left out.` : "";
    view.tables = statistics(view);
    restart();
  }

  let due = 0;
  const soon = () => {
    cancelAnimationFrame(due);
    due = requestAnimationFrame(refresh);
  };

  $("events").addEventListener("click", (event) => {
    const button = event.target.closest(".photo");
    if (button) open(Number(button.dataset.order));
  });
  $("viewer").addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "ArrowRight") step(1);
    else if (event.key === "b") toggleBoxes();
    else return;
    event.preventDefault();
  });
  $("viewer").addEventListener("close", () => {
    const button = $("events").querySelector(`[data-order="${current}"]`);
    if (button) button.focus(); // the photo looked at last, which need not be the one it began with
  });
  $("previous").addEventListener("click", () => step(-1));
  $("next").addEventListener("click", () => step(1));
  $("boxes").addEventListener("click", toggleBoxes);
  $("close").addEventListener("click", () => $("viewer").close());
  $("season").addEventListener("change", fillYears);
  $("confidence").addEventListener("input", () => { $("recommended").checked = false; });
  $("form").addEventListener("input", soon);
  $("form").addEventListener("submit", (event) => event.preventDefault());
  $("form").addEventListener("reset", () => {
    for (const set of Object.values(chosen)) set.clear();
    for (const chip of document.querySelectorAll(".chips button")) chip.setAttribute("aria-pressed", "false");
    setTimeout(() => { fillYears(); refresh(); }); // a form is reset after this event
  });
  $("measure").addEventListener("input", () => { view.tables = statistics(view); });
  $("more").addEventListener("click", () => {
    const first = view.sequence.length;
    showMore();
    $("events").querySelector(`[data-order="${first}"]`)?.focus();
  });
  new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting) && pending.length) showMore();
  }, { rootMargin: "1500px" }).observe($("more"));

  if (data.selection) document.title = `trailcam gallery: ${data.selection}`;
  $("selection").textContent = data.selection || "All photos that were looked at";
  const notes = [...data.notes, `An event is the photos of one class at one station no more than ${data.gap} apart.`
    + " Filters choose photos first, then events are made of them; an event belongs to its first photo's month and hour.",
  `trailcam ${data.version}`];
  $("notes").append(...notes.map((note) => make("p", "", note)));
  if (matchMedia("(max-width: 52rem)").matches) {
    $("filters").open = false;
    $("statistics").open = false;
  }
  fillFilters();
  refresh();
})();
