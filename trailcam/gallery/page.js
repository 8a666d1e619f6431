"use strict";
(() => {
  const { $, data, MONTHS, UNITS, GROUPS, make, draw, number, counted, two, day, clock, moment, address, framed, canvas,
    placeOf, outlined, lost, nameOf, chips, viewer } = trailcam;
  const CARDS_AT_ONCE = 48;
  const ROW_OF_A_MONTH = 5;
  const FIRST_SCREEN = 12; // cards whose pictures wait for nothing
  const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
  const PREDATORS = ["coyote", "fox", "bobcat", "lion", "cougar", "puma", "wolf", "bear"];

  // ---- the data, with what is asked for often worked out once
  const photos = data.photos.map((row, index) => {
    const [station, us, ratio, name, suspect, problem, thumb, large, cut, boxes, aheadUs = 0] = row;
    const at = us === null ? null : new Date(Math.floor(us / 1000));
    return {
      index, station, us, at, steadyUs: us === null ? null : us - aheadUs, ratio, name, suspect, problem, thumb, large, cut,
      clip: data.clips[index],
      month: at && at.getUTCFullYear() * 12 + at.getUTCMonth(), // since the year 0, as in the coverage
      hour: at && at.getUTCHours(),
      // A box that counts from the start is what all photos of its visit say; `said` is what it says itself.
      boxes: boxes.map(([cls, confidence, x, y, w, h, recommended, visit, said = cls, name = -1]) =>
        ({ cls, said, visit, name, confidence: Math.fround(confidence), x, y, w, h, recommended: Boolean(recommended) })),
    };
  });
  const tallies = data.coverage.map(([station, month, hour, completed, pending, failed, missing]) =>
    ({ station, month, hour, completed, pending, failed, missing }));
  const chosen = { classes: new Set(data.start), stations: new Set(), names: new Set() }; // empty: all
  // What visits together: a number for each class, the same for all deer.
  const names = [...new Set(data.classes.map((c) => c.flock))];
  const flocks = data.classes.map((c) => names.indexOf(c.flock));
  let unsure = false; // show what doesn't count instead
  let view = null;

  // ---- what is one click away: its button, what it is called in a sentence, and its classes
  const isPredator = (c) => PREDATORS.some((name) => c.label.split(/[^a-z]+/).includes(name));
  const QUICK = [
    ["Mature bucks", "mature bucks", (c) => c.age === "mature"],
    ["All bucks", "bucks", (c) => c.kind === "buck"],
    ["Does and fawns", "does and fawns", (c) => c.kind === "doe" || c.kind === "fawn"],
    ["All deer", "deer", (c) => GROUPS[c.kind] === "deer" || c.kind === "buck"],
    ["Predators", "predators", isPredator],
    ["Other animals", "other animals", (c) => !GROUPS[c.kind] && !isPredator(c)],
    ["People and vehicles", "people and vehicles", (c) => GROUPS[c.kind] === "people"],
    ["Everything", "", () => true],
  ].map(([text, phrase, fits]) => {
    const all = data.classes.map((c, n) => (fits(c) ? n : -1)).filter((n) => n >= 0);
    return { text, phrase, classes: new Set(text === "Everything" ? [] : all), known: all.length > 0 };
  }).filter(({ text, known }) => known || text === "Everything");

  // ---- small helpers
  const monthName = (month) => `${MONTHS[month % 12]} ${Math.floor(month / 12)}`;
  const percent = (part, whole) =>
    (part >= whole ? "100 %" : part > 0 && part / whole < 0.01 ? "<1 %" : `${Math.floor((part / whole) * 100 + 1e-9)} %`);
  const seasonYear = (month, first) => Math.floor(month / 12) - (month % 12 < first - 1 ? 1 : 0);
  const yearName = (start, first) =>
    (first === 1 ? String(start) : `${start}-${two((start + 1) % 100)}`);
  const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
  const same = (a, b) => a.size === b.size && [...a].every((value) => b.has(value));
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
    chips("classes", data.classes.map((c, n) => [n, capital(c.label)]), chosen.classes, chooseClasses);
    chips("stations", data.stations.map((name, n) => [n, name]), chosen.stations, refresh);
    chips("names", data.names.map((name, n) => [n, name]), chosen.names, refresh);
    $("named").hidden = !data.names.length;
    fillQuick();
    if (data.surestFirst) $("sort").value = "sure";
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

  function fillQuick() {
    const buttons = QUICK.map((quick) => ({ ...quick, act: () => setClasses(quick.classes, false) }));
    if (photos.some((photo) => !photo.boxes.some((box) => box.recommended))) {
      buttons.push({ text: "Not sure", act: () => setClasses(new Set(), true) });
    }
    for (const { text, act } of buttons) {
      const button = make("button", "", text);
      button.type = "button";
      button.append(make("b"));
      button.addEventListener("click", act);
      $("quick").append(button);
    }
  }

  function setClasses(classes, notSure) {
    chosen.classes.clear();
    for (const cls of classes) chosen.classes.add(cls);
    unsure = notSure;
    refresh();
  }

  function chooseClasses() {
    unsure = false;
    refresh();
  }

  const pressed = () => QUICK.find(({ classes }) => !unsure && same(classes, chosen.classes));

  function showQuick() {
    const now = unsure ? "Not sure" : pressed()?.text;
    for (const button of $("quick").children) {
      button.setAttribute("aria-pressed", String(button.firstChild.textContent === now));
    }
    for (const [n, chip] of [...$("classes").children].entries()) {
      chip.setAttribute("aria-pressed", String(chosen.classes.has(n)));
    }
  }

  // How many visits each would show, once there is time: the cards come first.
  let idle = 0;
  function countQuick(filters) {
    clearTimeout(idle);
    idle = setTimeout(() => {
      for (const button of $("quick").children) {
        const text = button.firstChild.textContent;
        const quick = QUICK.find((one) => one.text === text);
        const { visits } = compute({ ...filters, classes: quick?.classes ?? new Set(), unsure: !quick });
        button.lastChild.textContent = number(visits.length);
      }
    }, 60);
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
      unsure,
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
    && (!filters.classes.size || filters.classes.has(box.cls))
    && (!filters.names.size || filters.names.has(box.name));

  function counting(filters, photo) {
    const boxes = photo.boxes.filter((box) => counts(filters, box));
    return !filters.unsure ? boxes : boxes.length ? [] : photo.boxes;
  }

  // ---- photos -> visits: photos of one flock at one station, none longer than the gap after another. Photos of one
  // visit may be further apart here, where those between them don't fit the filters.
  function compute(filters) {
    const byFlock = new Map();
    const shown = [];
    const undated = new Map();
    let leftOut = 0;
    for (let n = photos.length - 1; n >= 0; n -= 1) { // oldest first
      const photo = photos[n];
      if (filters.stations.size && !filters.stations.has(photo.station)) continue;
      const boxes = counting(filters, photo);
      if (!boxes.length) continue;
      const fits = inTime(filters, photo);
      if (fits === null) leftOut += 1;
      if (!fits) continue;
      shown.push({ photo, boxes });
      const groups = photo.us === null ? undated : byFlock; // without a time a photo is in no visit
      for (const flock of new Set(boxes.map((box) => flocks[box.cls]))) {
        const key = photo.station * names.length + flock;
        if (!groups.has(key)) groups.set(key, []);
        groups.get(key).push({ photo, boxes: boxes.filter((box) => flocks[box.cls] === flock) });
      }
    }
    const visits = [];
    for (const entries of byFlock.values()) {
      let visit = null;
      let last = 0; // its number
      for (const entry of entries) {
        const own = entry.boxes.find((box) => box.visit)?.visit;
        if (!visit || (entry.photo.steadyUs - visit.at(-1).photo.steadyUs > data.gapUs && !(own && own === last))) {
          visit = [];
          visits.push(visit);
        }
        last = own ?? last;
        visit.push(entry);
      }
    }
    const newest = (a, b) => (b.photos.at(-1).us ?? 0) - (a.photos.at(-1).us ?? 0) || a.cls - b.cls || a.station - b.station;
    const order = $("sort").value === "sure" ? (a, b) => b.sure - a.sure || newest(a, b) : newest;
    return { filters, shown, visits: visits.map(judged).sort(order),
      undated: [...undated.values()].map(judged).sort(order), leftOut };
  }

  // A visit is called what its boxes speak for most, all confidences together; the surest photo comes first.
  function judged(entries) {
    const weight = new Map();
    for (const { boxes } of entries) for (const { cls, confidence } of boxes) weight.set(cls, (weight.get(cls) ?? 0) + confidence);
    const cls = [...weight].reduce((best, one) => (one[1] > best[1] ? one : best))[0];
    const surest = ({ boxes }) => boxes.reduce((most, box) => (box.cls === cls && box.said === cls && box.confidence > most ? box.confidence : most), 0);
    const worth = (entry) => surest(entry) - (entry.photo.problem ? 1 : 0);
    const best = entries.reduce((one, other) => (worth(other) > worth(one) ? other : one));
    return { cls, classes: new Set(weight.keys()), station: entries[0].photo.station, photos: entries.map(({ photo }) => photo), best: best.photo,
      sure: Math.max(...entries.map(surest)), agree: entries.filter((entry) => surest(entry) > 0).length };
  }

  // The best photo first, the others as they were taken.
  const inOrder = ({ photos: list, best }) => [best, ...list.filter((photo) => photo !== best)];

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
    const told = [`${number(sum.completed)} of ${counted(sum.photos, "photo")} looked at`
      + ` (${percent(sum.completed, sum.photos)})`];
    if (sum.pending) told.push(`${number(sum.pending)} still to look at: there may be more`);
    if (sum.failed) told.push(`${number(sum.failed)} can't be read`);
    if (sum.missing) told.push(`${number(sum.missing)} missing`);
    if (sum.undated) told.push(`${number(sum.undated)} without a capture time`);
    $("coverage").textContent = sum.photos ? `${told.join("; ")}.` : "No photos.";
    $("coverage").classList.toggle("part", sum.pending > 0);
  }

  // ---- the answer in a sentence, and the hours of the day
  function showAnswer({ visits, shown, filters }, coverage) {
    const phrase = chosen.names.size ? [...chosen.names].map((n) => data.names[n]).join(", ") : unsure ? "what the model isn't sure of"
      : pressed()?.phrase ?? [...chosen.classes].map(label).join(", ");
    const sentences = [];
    if (!coverage.completed) sentences.push("Nothing was looked at yet.");
    else if (!visits.length && !shown.length) sentences.push(`Nothing${phrase ? ` of ${phrase}` : ""} in ${counted(coverage.completed, "photo")}.`);
    else sentences.push(`${counted(visits.length, "visit")}${phrase ? ` of ${phrase}` : ""}, ${counted(shown.length, "photo")}.`);
    const last = visits.reduce((one, other) => (one && one.photos.at(-1).us >= other.photos.at(-1).us ? one : other), null);
    if (last) {
      const { at } = last.photos[0];
      sentences.push(`The last was on ${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()} at ${clock(at)}, at`
        + ` ${data.stations[last.station]}.`);
    }
    const months = new Map();
    for (const { photos: [{ month }] } of visits) months.set(month, (months.get(month) ?? 0) + 1);
    if (months.size > 1 && visits.length > 4) {
      const [month, n] = [...months].reduce((most, one) => (one[1] > most[1] ? one : most));
      sentences.push(`Most in ${monthName(month)} (${number(n)}).`);
    }
    $("answer").textContent = sentences.join(" ");
    $("clock").replaceChildren(...(visits.length ? [hoursOf(visits)] : []));
    $("title").textContent = chosen.names.size ? phrase : unsure ? "Not sure" : pressed()?.text.replace("Everything", "Gallery") ?? capital(phrase);
  }

  function hoursOf(visits) {
    const hours = Array(24).fill(0);
    for (const { photos: [{ hour }] } of visits) hours[hour] += 1;
    const most = Math.max(...hours);
    const told = hours.map((n, hour) => (n ? `${two(hour)}: ${number(n)}` : "")).filter(Boolean).join("; ");
    const svg = draw("svg", { viewBox: "0 0 480 62", class: "chart", role: "img", "aria-label": `Visits by hour. ${told}` });
    for (const [hour, n] of hours.entries()) {
      const height = Math.max(2, (n / most) * 42);
      const bar = draw("rect", { x: hour * 20 + 2, y: 44 - height, width: 16, height, rx: 2 });
      bar.append(draw("title", {}, `${two(hour)}:00 to ${two(hour)}:59: ${counted(n, "visit")}`));
      svg.append(bar);
    }
    for (const [x, anchor, text] of [[2, "start", "midnight"], [120, "middle", "6"], [240, "middle", "noon"],
      [360, "middle", "18"], [478, "end", "24"]]) {
      svg.append(draw("text", { x, y: 60, "text-anchor": anchor, class: "faint" }, text));
    }
    return svg;
  }

  // ---- statistics
  function tabulate(key, { shown, visits }) {
    const table = new Map();
    const add = (value, measure, n) => {
      if (!table.has(value)) table.set(value, { photos: 0, visits: 0, detections: 0 });
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
    // A visit belongs to the month and hour of its first photo, and is one of each class in it.
    for (const visit of visits) {
      if (key === "cls") for (const cls of visit.classes) add(cls, "visits", 1);
      else add(visit.photos[0][key], "visits", 1);
    }
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
  // The small pictures stand at the front of the file: the first are there long before it is read to its end.
  function loadWaiting() {
    const images = [...waiting];
    waiting.clear();
    for (const image of images) load(image);
  }
  const asFileIsRead = setInterval(loadWaiting, 50);
  document.addEventListener("DOMContentLoaded", () => {
    clearInterval(asFileIsRead);
    loadWaiting();
  });

  function describe(photo, cls) {
    return `${capital(label(cls))}, ${data.stations[photo.station]}, ${moment(photo)}`;
  }

  function overlay(photo, cut, cls) {
    const svg = canvas(photo, cut);
    const counted_ = new Set(counting(view.filters, photo));
    for (const box of photo.boxes) {
      const wanted = counted_.has(box) && (cls === null || flocks[box.cls] === flocks[cls]);
      if ((!wanted && cls !== null) || !box.w) continue; // without a width: on another frame of a video
      const place = placeOf(photo, box);
      const group = draw("g", wanted ? {} : { class: "faded" });
      group.append(...outlined(place, GROUPS[data.classes[box.cls].kind] ?? "other"));
      if (cls === null) group.append(nameOf(place, `${label(box.cls)} ${box.confidence.toFixed(2)}`, UNITS * photo.ratio));
      svg.append(group);
    }
    return svg;
  }

  function picture(photo, cls, atOnce) {
    if (photo.problem) return lost(photo);
    const image = make("img");
    image.alt = "";
    image.decoding = "async";
    image.dataset.photo = photo.index;
    if (atOnce) load(image);
    else near.observe(image);
    return framed(photo, image, overlay(photo, photo.cut, cls), photo.cut);
  }

  function card(visit, order) {
    const { cls, station, photos: list, best, sure, agree } = visit;
    const node = make("article", "card");
    const button = make("button", "photo");
    button.type = "button";
    button.dataset.order = order;
    button.setAttribute("aria-label", `${describe(best, cls)}, ${counted(list.length, "photo")}`
      + (best.problem ? `, photo ${best.problem}` : ""));
    button.append(picture(best, cls, order < FIRST_SCREEN), make("span", "badge", counted(list.length, "photo")));
    const words = make("div", "words");
    words.append(make("h3", "", capital(label(cls))), make("span", "sure", `${Math.round(sure * 100)} % sure`),
      make("p", "", `${data.stations[station]} · ${when(list)}`));
    const notes = [];
    if (agree < list.length) notes.push(`${label(cls)} on ${number(agree)} of ${counted(list.length, "photo")}`);
    if (list.some((photo) => photo.suspect)) notes.push("camera clock in doubt");
    if (notes.length) words.append(make("p", "", notes.join(" · ")));
    node.append(button, words);
    return node;
  }

  function when(list) {
    const [first, last] = [list[0], list.at(-1)];
    if (!first.at) return "time unknown";
    const begins = `${DAYS[first.at.getUTCDay()]} ${moment(first)}`;
    if (clock(first.at) === clock(last.at) && day(first.at) === day(last.at)) return begins;
    return `${begins} – ${day(first.at) === day(last.at) ? clock(last.at) : moment(last)}`;
  }

  // ---- the list of visits, a screen or two at a time
  let pending = [];
  let heading = null;
  function restart() {
    near.disconnect();
    waiting.clear();
    $("visits").replaceChildren();
    heading = null;
    pending = [...view.visits, ...view.undated];
    view.sequence = [];
    // A heading begins a new row: where a month has few visits, rows would be half empty.
    const months = new Set(view.visits.map((visit) => visit.photos.at(-1).month));
    view.byMonth = $("sort").value !== "sure" && view.visits.length >= ROW_OF_A_MONTH * months.size;
    view.total = pending.reduce((sum, visit) => sum + visit.photos.length, 0);
    $("none").hidden = pending.length > 0;
    showMore();
  }

  function showMore() {
    const nodes = document.createDocumentFragment();
    for (const visit of pending.splice(0, CARDS_AT_ONCE)) {
      const { month } = visit.photos.at(-1);
      const title = month === null ? "Time unknown: in no visit" : view.byMonth ? monthName(month) : heading;
      if (title !== heading) nodes.append(make("h2", "", title));
      heading = title;
      nodes.append(card(visit, view.sequence.length));
      view.sequence.push(...inOrder(visit).map((photo) => ({ photo, cls: visit.cls })));
    }
    $("visits").append(nodes);
    $("more").hidden = !pending.length;
  }

  const told = ({ cls, said, name, confidence }) =>
    `${name < 0 ? "" : `${data.names[name]}, `}${label(cls)} ${confidence.toFixed(2)}${said === cls ? "" : ` (this photo alone: ${label(said)})`}`;

  // ---- one photo, large: the visit's best first, then its others
  const large = viewer(() => view.sequence.length, (order) => {
    if (order >= view.sequence.length - 1 && pending.length) showMore();
    const { photo, cls } = view.sequence[order];
    if (photo.problem) {
      $("stage").replaceChildren(lost(photo));
    } else {
      const whole = address(photo, "large"); // until the file is read there is the card's part of it
      const image = make("img");
      image.alt = describe(photo, cls);
      image.src = whole ?? address(photo, "thumb") ?? "";
      const cut = whole ? undefined : photo.cut;
      const boxes = overlay(photo, cut, null);
      boxes.style.display = $("boxes").getAttribute("aria-pressed") === "false" ? "none" : "";
      $("stage").replaceChildren(framed(photo, image, boxes, cut));
    }
    $("photo-title").textContent = describe(photo, cls);
    $("photo-found").textContent = photo.boxes.map(told).join(" · ");
    $("photo-file").textContent = photo.name + (photo.suspect ? ` · camera clock in doubt: ${photo.suspect}` : "");
    if (photo.clip) {
      const play = make("a", "", "Play the clip");
      play.href = photo.clip;
      $("photo-file").append(" · ", play);
    }
    $("position").textContent = `${number(order + 1)} of ${number(view.total)}`;
  }, { b: toggleBoxes });

  function toggleBoxes() {
    $("boxes").setAttribute("aria-pressed", String($("boxes").getAttribute("aria-pressed") === "false"));
    large.redraw();
  }

  // ---- all of it, after every change
  function refresh() {
    const filters = readFilters();
    $("shown-confidence").textContent = filters.recommended
      ? "as recommended" : `from ${Number($("confidence").value).toFixed(2)}`;
    view = compute(filters);
    const coverage = coverageOf(filters);
    showCoverage(coverage);
    showQuick();
    showAnswer(view, coverage);
    const detections = view.shown.reduce((sum, { boxes }) => sum + boxes.length, 0);
    const say = (id, n, sign) => { $(id).textContent = (coverage.pending ? `${sign} ` : "") + number(n); };
    say("n-photos", view.shown.length, "≥");
    say("n-detections", detections, "≥");
    say("n-visits", view.visits.length, "≈");
    $("left-out").textContent = view.leftOut
      ? `${counted(view.leftOut, "photo")} without a capture time left out.` : "";
    restart();
    if ($("statistics").open) statistics(view);
    countQuick(filters);
  }

  let due = 0;
  const soon = () => {
    cancelAnimationFrame(due);
    due = requestAnimationFrame(refresh);
  };

  $("visits").addEventListener("click", (event) => {
    const button = event.target.closest(".photo");
    if (button) large.open(Number(button.dataset.order));
  });
  $("boxes").addEventListener("click", toggleBoxes);
  $("season").addEventListener("change", fillYears);
  $("confidence").addEventListener("input", () => { $("recommended").checked = false; });
  $("form").addEventListener("input", soon);
  $("form").addEventListener("submit", (event) => event.preventDefault());
  $("form").addEventListener("reset", () => {
    for (const set of Object.values(chosen)) set.clear();
    unsure = false;
    for (const chip of [...$("stations").children, ...$("names").children]) chip.setAttribute("aria-pressed", "false");
    setTimeout(() => { fillYears(); refresh(); }); // a form is reset after this event
  });
  $("sort").addEventListener("input", soon);
  $("measure").addEventListener("input", () => statistics(view));
  $("statistics").addEventListener("toggle", () => { if ($("statistics").open) statistics(view); });
  $("more").addEventListener("click", () => {
    const first = view.sequence.length;
    showMore();
    $("visits").querySelector(`[data-order="${first}"]`)?.focus();
  });
  new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting) && pending.length) showMore();
  }, { rootMargin: "1500px" }).observe($("more"));

  if (data.selection) document.title = `trailcam gallery: ${data.selection}`;
  const notes = [...(data.selection ? [`Photos: ${data.selection}.`] : []), ...data.notes,
    `A visit is the photos of one kind of animal at one station no more than ${data.gap} apart; all deer are one kind. What a`
    + " deer is, all photos of its visit say together. Filters choose photos and boxes first, then visits are made of them; a"
    + " visit belongs to its first photo's month and hour.",
    `trailcam ${data.version}`];
  $("notes").append(...notes.map((note) => make("p", "", note)));
  fillFilters();
  refresh();
})();
