(() => {
  const { $, data, UNITS, make, draw, counted, moment, address, framed, canvas, placeOf, outlined, lost, shelf, saveAnswers } = trailcam;
  const STORE = `trailcam-static-${data.page}`;
  const MOST_UNDO = 300;
  const STEP = 0.01;
  const NEAR = 0.03; // share of the photo's sides: a tap so near the first corner closes the area

  const photos = data.photos.map((row, index) => ({ ...row, index, at: row.us === null ? null : new Date(Math.floor(row.us / 1000)),
    shape: row.place === null ? null : { x: row.box[0], y: row.box[1], w: row.box[2], h: row.box[3] } }));
  const places = photos.filter(({ place }) => place !== null);
  const copy = (value) => JSON.parse(JSON.stringify(value));

  // ---- the state, kept in the browser
  // answers: photo index -> { says: "thing" | "animal" | "skipped", at }; areas: [{ station, points, at }]
  const state = { author: "", current: 0, answers: {}, areas: [], history: [], saved: "" };
  let drawing = null; // { points, mark }: the corners that are set, and where the keyboard stands
  const kept = shelf(STORE, ({ answers, areas }) => answers && Array.isArray(areas));

  function restore() {
    kept.restore(state);
    state.current = Math.min(Math.max(0, state.current | 0), photos.length - 1);
  }

  const photo = () => photos[state.current];
  const says = ({ index }) => state.answers[index]?.says ?? "open";
  const say = (text) => { $("said").textContent = text; };

  // Every change goes through here, so that every change can be taken back.
  function change(edit) {
    state.history.push({ current: state.current, answers: copy(state.answers), areas: copy(state.areas) });
    if (state.history.length > MOST_UNDO) state.history.shift();
    edit();
  }

  // ---- what a person does
  function answer(what, text) {
    if (photo().place === null) {
      say("Nothing is asked here: draw areas, or go on.");
      return;
    }
    change(() => { state.answers[state.current] = { says: what, at: new Date().toISOString() }; });
    const order = [...photos.keys()];
    const rest = [...order.slice(state.current + 1), ...order.slice(0, state.current)];
    const next = rest.find((index) => photos[index].place !== null && says(photos[index]) === "open");
    if (next === undefined) {
      show();
      say(`${text} That was the last place: save your answers.`);
    } else {
      go(next, text);
    }
  }

  function go(index, text = "") {
    if (index < 0 || index >= photos.length) return;
    state.current = index;
    drawing = null;
    show();
    say(text);
  }

  function undo() {
    const last = state.history.pop();
    if (!last) {
      say("There is nothing to undo.");
      return;
    }
    Object.assign(state, { answers: last.answers, areas: last.areas });
    go(last.current, "Undone.");
  }

  // ---- drawing an area
  function startDrawing() {
    if (photo().problem) {
      say("There is no picture to draw on.");
      return;
    }
    drawing = { points: [], mark: [0.5, 0.5] };
    show();
    say("Where is the area? Set three corners or more.");
    $("stage").focus({ preventScroll: true });
    $("stage").scrollIntoView({ block: "nearest" }); // on a phone the button stands below
  }

  function addCorner(point) {
    const { points } = drawing;
    const near = points.length > 2 && Math.hypot(point[0] - points[0][0], point[1] - points[0][1]) < NEAR;
    if (near) {
      finishDrawing();
      return;
    }
    points.push(point);
    drawShapes();
    say(`${counted(points.length, "corner")} set.`);
  }

  // Twice the area, in shares of the photo: as trailcam checks it.
  const doubled = (points) => Math.abs(points.reduce((sum, [x, y], n) => {
    const [u, v] = points[(n + 1) % points.length];
    return sum + x * v - u * y;
  }, 0));

  function finishDrawing() {
    const { points } = drawing;
    if (points.length < 3 || doubled(points) < 2e-4) {
      say("An area needs three corners that don't lie in a line.");
      return;
    }
    const taken = points.map((point) => point.map((side) => Math.round(side * 1e4) / 1e4));
    drawing = null;
    change(() => { state.areas.push({ station: photo().stationId, points: taken, at: new Date().toISOString() }); });
    show();
    say(`Nothing in it will count at ${photo().station}.`);
  }

  function lastCornerOff() {
    drawing.points.pop();
    drawShapes();
    say(`${counted(drawing.points.length, "corner")} set.`);
  }

  function cancelDrawing() {
    drawing = null;
    show();
    say("Nothing was drawn.");
  }

  function removeArea(area) {
    change(() => { state.areas = state.areas.filter((other) => other !== area); });
    show();
    say("The area is gone.");
  }

  const clamp = (value) => Math.min(1, Math.max(0, value));
  function moveMark(key, fast) {
    const by = fast ? 5 * STEP : STEP;
    const [dx, dy] = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] }[key];
    drawing.mark = [clamp(drawing.mark[0] + dx), clamp(drawing.mark[1] + dy)];
    drawShapes();
  }

  $("stage").addEventListener("click", (event) => {
    const frame = event.target.closest(".frame");
    if (!drawing || !frame) return;
    const { left, top, width, height } = frame.getBoundingClientRect();
    addCorner([clamp((event.clientX - left) / width), clamp((event.clientY - top) / height)]);
  });

  // ---- what is shown
  const inUnits = (points) => points.map(([x, y]) => `${x * UNITS * photo().ratio},${y * UNITS}`).join(" ");

  function drawShapes() {
    const svg = $("stage").querySelector("svg");
    if (!svg) return;
    const here = [...data.areas, ...state.areas].filter(({ station }) => station === photo().stationId);
    const shapes = here.map(({ points }) => draw("polygon", { points: inUnits(points), class: "area" }));
    if (photo().shape) shapes.push(...outlined(placeOf(photo(), photo().shape), "buck"));
    if (drawing) {
      const at = ([x, y]) => ({ cx: x * UNITS * photo().ratio, cy: y * UNITS });
      shapes.push(draw("polygon", { points: inUnits(drawing.points), class: "area" }),
        ...drawing.points.map((point) => draw("circle", { ...at(point), r: 9, class: "corner" })),
        draw("circle", { ...at(drawing.mark), r: 14, class: "mark" }));
    }
    svg.replaceChildren(...shapes);
  }

  function question() {
    const now = photo();
    if (now.place === null) return `${now.station}: no place waits here. Is there an area in which nothing should count?`;
    if (now.confirmed) return "A thing was confirmed here before. Is it still that thing?";
    return "Is this a thing that never moves, or an animal?";
  }

  function showPhoto() {
    const now = photo();
    if (now.problem) {
      $("stage").replaceChildren(lost(now));
    } else if ($("stage").dataset.photo !== String(now.index) || !$("stage").querySelector("img")) {
      const image = make("img");
      image.alt = `${now.station}, ${moment(now)}`;
      image.draggable = false;
      image.src = address(now, "large") ?? address(now, "thumb") ?? "";
      $("stage").replaceChildren(framed(now, image, canvas(now)));
      const close = make("img");
      close.alt = "The place from near";
      close.src = now.shape ? address(now, "thumb") ?? "" : "";
      $("closeup").replaceChildren(...(now.shape ? [close] : []));
    }
    $("closeup").hidden = Boolean(now.problem) || !now.shape;
    $("stage").dataset.photo = String(now.index);
    $("stage").classList.toggle("drawing", Boolean(drawing));
    $("stage").setAttribute("aria-label", `Picture ${now.index + 1}: ${question()}`);
    $("question").textContent = question();
    $("why").textContent = now.why ?? "";
    $("where").textContent = [now.station, now.camera, moment(now), now.name].filter(Boolean).join(" · ");
    drawShapes();
  }

  function showAreas() {
    const known = data.areas.filter(({ station }) => station === photo().stationId);
    const own = state.areas.filter(({ station }) => station === photo().stationId);
    const items = known.map(({ points }) => make("li", "", `${points.length} corners, known before`));
    for (const [n, area] of own.entries()) {
      const item = make("li", "", `${area.points.length} corners, drawn here`);
      const off = make("button", "", "Delete");
      off.type = "button";
      off.setAttribute("aria-label", `Delete area ${n + 1} that was drawn here`);
      off.addEventListener("click", () => removeArea(area));
      item.append(off);
      items.push(item);
    }
    $("areas").replaceChildren(...(items.length ? items : [make("li", "soft", "None.")]));
  }

  function showProgress() {
    const done = places.filter((one) => ["thing", "animal"].includes(says(one))).length;
    const skipped = places.filter((one) => says(one) === "skipped").length;
    const now = { thing: "a thing", animal: "an animal", skipped: "skipped", open: "open" }[says(photo())];
    const which = photo().place === null ? "Station" : `Place ${places.indexOf(photo()) + 1} of ${places.length} (${now})`;
    const drawn = state.areas.length ? ` · ${counted(state.areas.length, "area")} drawn` : "";
    $("progress-text").textContent = `${which} · ${done} answered${skipped ? `, ${skipped} skipped` : ""}`
      + ` · ${places.length - done - skipped} to go${drawn}`;
    $("progress-bar").style.width = `${places.length ? (100 * (done + skipped)) / places.length : 100}%`;
    const n = done + state.areas.length;
    const unsaved = n && state.saved !== fingerprint();
    $("save").textContent = unsaved ? `Save ${counted(n, "answer")}` : n ? "Saved" : "Save answers";
    $("save").classList.toggle("primary", Boolean(unsaved && done + skipped === places.length));
    for (const what of ["thing", "animal"]) $(what).setAttribute("aria-pressed", String(says(photo()) === what));
    $("undo").disabled = !state.history.length;
    $("previous").disabled = state.current === 0;
    $("next").disabled = state.current === photos.length - 1;
    $("drawing").hidden = !drawing;
    $("actions").hidden = Boolean(drawing) || photo().place === null;
  }

  function show() {
    showPhoto();
    showAreas();
    showProgress();
    kept.keep(state);
  }

  // ---- the file that `trailcam static apply` takes
  const fingerprint = () => JSON.stringify([state.answers, state.areas]);

  function save() {
    const answers = places.filter((one) => ["thing", "animal"].includes(says(one))).map((one) => ({
      place: one.place, station_id: one.stationId, camera: one.camera, box: one.box, based_on: one.basedOn,
      is_thing: says(one) === "thing", decided_at: state.answers[one.index].at }));
    const areas = state.areas.map(({ station, points, at }) => ({ station_id: station, points, decided_at: at }));
    if (!answers.length && !areas.length) {
      say("There is no answer to save yet.");
      return;
    }
    const file = saveAnswers(STORE, state.author, { page: data.page, made_at: data.madeAt, answers, areas });
    state.saved = fingerprint();
    show();
    say(`Saved ${counted(answers.length + areas.length, "answer")}. Now run: trailcam static apply ${file}`);
  }

  // ---- keys and buttons
  const actions = { thing: () => answer("thing", "A thing."), animal: () => answer("animal", "An animal: it stays."),
    skip: () => answer("skipped", "Skipped."), undo, save, draw: startDrawing, done: finishDrawing, back: lastCornerOff,
    cancel: cancelDrawing, previous: () => go(state.current - 1), next: () => go(state.current + 1) };
  for (const [id, act] of Object.entries(actions)) {
    $(id).addEventListener("click", () => {
      act();
      if (id !== "save") $("stage").focus({ preventScroll: true });
    });
  }
  const onKey = { t: actions.thing, a: actions.animal, s: actions.skip, e: startDrawing, u: undo,
    ArrowLeft: actions.previous, ArrowRight: actions.next };

  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input")) return;
    const { key } = event;
    const pressing = (key === "Enter" || key === " ") && event.target.closest("button, summary, a");
    if (pressing) return; // it presses what has the focus
    if (drawing) {
      if (key.startsWith("Arrow")) moveMark(key, event.shiftKey);
      else if (key === " ") addCorner([...drawing.mark]);
      else if (key === "Enter") finishDrawing();
      else if (key === "Backspace") lastCornerOff();
      else if (key === "Escape") cancelDrawing();
      else return;
    } else if (onKey[key] && !(event.repeat && !key.startsWith("Arrow"))) {
      onKey[key]();
    } else {
      return;
    }
    event.preventDefault();
  });
  $("author").addEventListener("input", () => { state.author = $("author").value; kept.keep(state); });
  window.addEventListener("beforeunload", (event) => {
    if (!kept.works() && (Object.keys(state.answers).length || state.areas.length) && state.saved !== fingerprint()) event.preventDefault();
  });

  restore();
  $("author").value = state.author;
  $("notes").append(...data.notes.map((note) => make("p", "", note)));
  // The pictures stand after this script: the first is there once the page is read.
  document.addEventListener("DOMContentLoaded", () => {
    show();
    $("stage").focus({ preventScroll: true });
  });
})();
