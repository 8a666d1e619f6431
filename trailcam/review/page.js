(() => {
  const { $, data, UNITS, GROUPS, make, draw, counted, moment, address, framed, canvas, placeOf, outlined, lost, nameOf, shelf, saveAnswers } = trailcam;
  const STORE = `trailcam-review-${data.review}`;
  const MOST_UNDO = 300;
  const STEP = 0.02;
  const SMALLEST = 0.004; // share of the photo's sides that a drawn box has at least
  const KEYS = [["Enter", "what the green button says: yes, or all boxes that are in"], ["1 – 9", "what the chosen box shows"],
    ["o", "another animal, by name"], ["n", "nothing is there"], ["x", "take the chosen box out, or in again"],
    ["a", "add a box"], ["e", "move the chosen box"], ["↑ ↓", "choose a box"], ["s", "skip"], ["u", "undo"],
    ["← →", "previous, next photo"]];

  const photos = data.photos.map((row, index) => ({
    ...row, index, at: row.us === null ? null : new Date(Math.floor(row.us / 1000)),
    // on: the photo is taken to show it; asked: it is answered only when somebody has said what this is;
    // elsewhere: at how many seconds of the video it is, where another frame is shown.
    boxes: row.boxes.map(([cls, confidence, x, y, w, h, on, asked, elsewhere = null]) =>
      ({ cls, confidence, x, y, w, h, on: Boolean(on), asked: Boolean(asked), elsewhere, touched: false })),
  }));
  const keyOf = new Map(data.keys.map(([cls, text], n) => [cls, { key: String(n + 1), text }]));
  const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
  const plain = (cls) => (keyOf.get(cls)?.text ?? data.classes[cls][0]).toLowerCase();
  const label = (cls) => (cls === null ? "not said yet" : plain(cls));
  const onOther = (box) => (box.elsewhere ?? null) !== null;
  const isOpen = (box) => box.asked && !box.touched;
  // What is recorded: "2 does, hog"; "no animal" where no box is in.
  function inWords(boxes) {
    const times = new Map();
    for (const box of boxes.filter(({ on }) => on)) times.set(box.cls, (times.get(box.cls) ?? 0) + 1);
    return [...times].map(([cls, n]) => (n > 1 ? `${label(cls)} ×${n}` : label(cls))).join(", ") || "no animal";
  }
  const fold = (name) => name.trim().toLowerCase();
  const copy = (value) => JSON.parse(JSON.stringify(value));

  // ---- the state: what was answered, kept in the browser
  // answers: photo index -> { boxes, state: "open" | "shows" | "skipped", at }
  const state = { author: "", current: 0, answers: {}, history: [], saved: "", added: [] };
  let placing = null; // a box that is being drawn or moved: { box, of: its number, or null for a new one }
  let chosen = 0;
  const kept = shelf(STORE, ({ answers }) => answers);

  function restore() {
    kept.restore(state);
    state.current = Math.min(Math.max(0, state.current | 0), photos.length - 1);
  }

  const photo = () => photos[state.current];
  const answer = (index = state.current) =>
    state.answers[index] ?? { boxes: photos[index].boxes, state: "open", at: null };
  const stands = (index) => answer(index).state;

  // Every change goes through here, so that every change can be taken back.
  function change(index, next) {
    state.history.push({ index, before: copy(state.answers[index] ?? null) });
    if (state.history.length > MOST_UNDO) state.history.shift();
    state.answers[index] = next;
  }

  const edited = (edit) => {
    const now = copy(answer());
    edit(now.boxes);
    change(state.current, { ...now, state: "open", at: null });
  };

  // ---- what a person does
  const say = (text) => { $("said").textContent = text; };

  function decide(boxes, text) {
    change(state.current, { boxes, state: "shows", at: new Date().toISOString() });
    forward(text);
  }

  // Enter: yes to the question; without one, what is in is recorded. No box that was found goes out by it.
  function accept() {
    const { boxes } = answer();
    const unsaid = boxes.findIndex((box) => box.on && box.cls === null);
    const open = boxes[chosen] && isOpen(boxes[chosen]) ? chosen : boxes.findIndex(isOpen);
    if (unsaid >= 0) {
      chosen = unsaid;
      show();
      say("Say first what is in the new box: press its number, or o.");
    } else if (open >= 0 && open !== chosen) {
      chosen = open;
      show();
      say("There is a question left.");
    } else if (open >= 0) {
      answered({ on: true });
    } else {
      record();
    }
  }

  function record(boxes = copy(answer()).boxes) {
    decide(boxes, `Recorded: ${inWords(boxes)}.`);
  }

  // An answer about the chosen box. The next box that nobody has spoken of is asked about; after the last, the photo is recorded.
  function answered(what) {
    const now = copy(answer());
    const { boxes } = now;
    Object.assign(boxes[chosen], what, { touched: true });
    const rest = [...boxes.keys()].filter((n) => !boxes[n].touched && (boxes[n].on || boxes[n].asked));
    if (!rest.length) {
      record(boxes);
      return;
    }
    change(state.current, { ...now, state: "open", at: null });
    const said = `Box ${chosen + 1}: ${boxes[chosen].on ? label(boxes[chosen].cls) : "nothing there"}.`;
    chosen = rest.find((n) => n > chosen) ?? rest[0];
    show();
    say(said);
  }

  function nothingThere() {
    if (answer().boxes.length) answered({ on: false });
    else record();
  }

  function skip() {
    change(state.current, { ...copy(answer()), state: "skipped", at: null });
    forward("Skipped.");
  }

  function forward(text) {
    const order = [...photos.keys()];
    const rest = [...order.slice(state.current + 1), ...order.slice(0, state.current)];
    const next = rest.find((index) => stands(index) === "open");
    if (next === undefined) {
      const all = stands(state.current) !== "open";
      show();
      say(all ? `${text} That was the last photo: save your answers.` : text);
      return;
    }
    go(next, text);
  }

  function go(index, text = "") {
    if (index < 0 || index >= photos.length) return;
    state.current = index;
    placing = null;
    chosen = doubtful();
    show();
    say(text);
  }

  // The box that is asked about first: a question, else the one that the photo is here for.
  function doubtful() {
    const open = answer().boxes.findIndex(isOpen);
    return open >= 0 ? open : photo().focus;
  }

  function undo() {
    const last = state.history.pop();
    if (!last) {
      say("There is nothing to undo.");
      return;
    }
    if (last.before) state.answers[last.index] = last.before;
    else delete state.answers[last.index];
    go(last.index, "Undone.");
  }

  function setClass(cls) {
    if (!answer().boxes.length) {
      say("There is no box: add one first.");
      return;
    }
    answered({ cls, on: true });
  }

  function toggle(number) {
    if (!answer().boxes[number]) return;
    chosen = number;
    const drawn = answer().boxes[number].drawn;
    edited((boxes) => {
      if (drawn) boxes.splice(number, 1);
      else Object.assign(boxes[number], { on: !boxes[number].on, touched: true });
    });
    chosen = Math.max(0, Math.min(number, answer().boxes.length - 1));
    show();
    say(drawn ? "The box is gone." : `Box ${number + 1} is ${answer().boxes[number].on ? "in" : "out"}.`);
  }

  function choose(by) {
    const n = answer().boxes.length;
    if (!n) return;
    chosen = (chosen + by + n) % n;
    show();
    say(`Box ${chosen + 1} of ${n}: ${label(answer().boxes[chosen].cls)}.`);
  }

  // ---- drawing and moving a box
  function startPlacing(of) {
    if (photo().problem) {
      say("There is no picture to draw on.");
      return;
    }
    const box = of === null ? { x: 0.35, y: 0.35, w: 0.3, h: 0.3 } : copy(answer().boxes[of]);
    placing = { box, of };
    show();
    say(of === null ? "Where is it? Draw it, or use the arrow keys and press Enter." : "Move it, then press Enter.");
    $("stage").focus({ preventScroll: true });
    $("stage").scrollIntoView({ block: "nearest" }); // on a phone the button stands below
  }

  function finishPlacing() {
    const { box, of } = placing;
    placing = null;
    const { x, y, w, h } = box;
    edited((boxes) => {
      if (of === null) boxes.push({ cls: null, confidence: null, x, y, w, h, on: true, touched: true, drawn: true });
      else Object.assign(boxes[of], { x, y, w, h, on: true, elsewhere: null, touched: true });
    });
    chosen = of ?? answer().boxes.length - 1;
    show();
    say(of === null ? "What is it? Press the number of a class, or c." : "Moved.");
  }

  function cancelPlacing() {
    placing = null;
    show();
    say("Nothing was drawn.");
  }

  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
  function nudge(key, resize) {
    const { box } = placing;
    const [dx, dy] = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[key];
    if (resize) {
      box.w = clamp(box.w + dx, STEP, 1 - box.x);
      box.h = clamp(box.h + dy, STEP, 1 - box.y);
    } else {
      box.x = clamp(box.x + dx, 0, 1 - box.w);
      box.y = clamp(box.y + dy, 0, 1 - box.h);
    }
    drawBoxes();
  }

  let from = null;
  function pointAt(event) {
    const area = $("stage").querySelector(".frame").getBoundingClientRect();
    return [clamp((event.clientX - area.left) / area.width, 0, 1), clamp((event.clientY - area.top) / area.height, 0, 1)];
  }
  $("stage").addEventListener("pointerdown", (event) => {
    if (!placing || !event.target.closest(".frame")) return;
    event.preventDefault();
    from = pointAt(event);
    $("stage").setPointerCapture(event.pointerId);
  });
  $("stage").addEventListener("pointermove", (event) => {
    if (!placing || !from) return;
    const to = pointAt(event);
    placing.box = { ...placing.box, x: Math.min(from[0], to[0]), y: Math.min(from[1], to[1]),
      w: Math.abs(to[0] - from[0]), h: Math.abs(to[1] - from[1]) };
    drawBoxes();
  });
  $("stage").addEventListener("pointerup", () => {
    if (!placing || !from) return;
    from = null;
    if (placing.box.w < SMALLEST || placing.box.h < SMALLEST) {
      startPlacing(placing.of);
      say("That was no box: draw from one corner to the other.");
    } else {
      finishPlacing();
    }
  });
  $("stage").addEventListener("pointercancel", () => { from = null; });

  // ---- what is shown
  function drawBoxes() {
    const svg = $("stage").querySelector("svg");
    if (!svg) return;
    const groups = answer().boxes.flatMap((box, number) => {
      if (onOther(box)) return [];
      const at = placeOf(photo(), box);
      const kind = box.cls === null ? "other" : GROUPS[data.classes[box.cls][1]] ?? "other";
      const marks = ["box", number === chosen ? "chosen" : "", box.on || isOpen(box) ? "" : "out"].join(" ").trim();
      const group = draw("g", { class: marks, "data-box": number });
      group.append(...outlined(at, kind), draw("rect", { ...at, class: "touch" }));
      const text = `${number + 1} ${label(box.cls)}${isOpen(box) ? "?" : ""}`;
      if (number === chosen || box.on || isOpen(box)) group.append(nameOf(at, text, UNITS * photo().ratio));
      return [group];
    });
    if (placing) groups.push(draw("rect", { ...placeOf(photo(), placing.box), class: "drawing" }));
    svg.replaceChildren(...groups);
  }

  // ---- what is asked
  function question() {
    const { boxes } = answer();
    const box = boxes[chosen];
    if (!box) return "Is there an animal? The model found none.";
    const which = boxes.length > 1 ? `Box ${chosen + 1}: is` : "Is";
    if (box.cls === null) return `What is in box ${chosen + 1}?`;
    const name = plain(box.cls);
    const article = /^[aeiou]/.test(name) ? "an" : "a";
    if (box.confidence === null) return `${which} this ${article} ${name}? ${box.drawn ? "You drew it." : "A person said so."}`;
    const seen = onOther(box) ? ` It is at ${box.elsewhere} s of the video, not on this picture.` : "";
    return `${which} this ${article} ${name}? The model is ${Math.round(box.confidence * 100)} % sure.${seen}`;
  }

  function showQuestion() {
    const { boxes } = answer();
    const box = boxes[chosen];
    $("question").textContent = question();
    $("accept").firstChild.textContent = box && isOpen(box) ? `Yes, ${plain(box.cls)}` : capital(inWords(boxes));
    $("blank").firstChild.textContent = boxes.length > 1 ? "Nothing there" : "No animal";
    const only = !boxes.length; // both buttons would say the same
    $("blank").hidden = only;
    for (const chip of $("classes").children) chip.setAttribute("aria-pressed", String(Number(chip.dataset.cls) === (box?.cls ?? null)));
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
    }
    $("stage").dataset.photo = String(now.index);
    $("stage").classList.toggle("placing", Boolean(placing));
    $("stage").setAttribute("aria-label", `Photo ${now.index + 1}: ${inWords(answer().boxes)}. ${question()}`);
    $("why").textContent = now.why.join("\n");
    $("where").textContent = `${now.station} · ${moment(now)} · ${now.name}`;
    if (now.clip) {
      const play = make("a", "", "Play the clip");
      play.href = now.clip;
      $("where").append(" · ", play);
    }
    drawBoxes();
  }

  function showList() {
    const items = answer().boxes.map((box, number) => {
      const item = make("li");
      const sure = box.confidence === null ? (box.drawn ? "drawn" : "a person") : box.confidence.toFixed(2);
      const pick = make("button", box.on ? "pick" : "pick off", `${number + 1}  ${label(box.cls)} · ${sure}${onOther(box) ? ` · at ${box.elsewhere} s` : ""}${isOpen(box) ? " · ?" : box.on ? "" : " · out"}`);
      pick.type = "button";
      pick.setAttribute("aria-pressed", String(number === chosen));
      pick.addEventListener("click", () => { chosen = number; show(); });
      const out = make("button", "", box.drawn ? "Delete" : box.on ? "Out" : "In");
      out.type = "button";
      out.setAttribute("aria-label", `${out.textContent}: box ${number + 1}, ${label(box.cls)}`);
      out.addEventListener("click", () => toggle(number));
      const move = make("button", "", "Move");
      move.type = "button";
      move.setAttribute("aria-label", `Move box ${number + 1}, ${label(box.cls)}`);
      move.addEventListener("click", () => startPlacing(number));
      item.append(pick, out, move);
      return item;
    });
    $("boxes").replaceChildren(...(items.length ? items : [make("li", "soft", "None.")]));
  }

  function showProgress() {
    const done = photos.filter(({ index }) => stands(index) === "shows").length;
    const skipped = photos.filter(({ index }) => stands(index) === "skipped").length;
    const now = { shows: "answered", skipped: "skipped", open: "open" }[stands(state.current)];
    $("progress-text").textContent = `Photo ${state.current + 1} of ${photos.length} (${now}) · ${done} answered`
      + `${skipped ? `, ${skipped} skipped` : ""} · ${photos.length - done - skipped} to go`;
    $("progress-bar").style.width = `${(100 * (done + skipped)) / photos.length}%`;
    const unsaved = done && state.saved !== fingerprint();
    $("save").textContent = unsaved ? `Save ${counted(done, "answer")}` : done ? "Saved" : "Save answers";
    $("save").classList.toggle("primary", Boolean(unsaved && done + skipped === photos.length));
    $("accept").classList.add("primary");
    $("undo").disabled = !state.history.length;
    $("previous").disabled = state.current === 0;
    $("next").disabled = state.current === photos.length - 1;
    $("placing").hidden = !placing;
    $("actions").hidden = Boolean(placing);
  }

  function show() {
    chosen = clamp(chosen, 0, Math.max(0, answer().boxes.length - 1));
    showPhoto();
    showList();
    showQuestion();
    showProgress();
    kept.keep(state);
  }

  // ---- the file that `trailcam review apply` takes
  const fingerprint = () => Object.entries(state.answers).map(([index, { state: how, at }]) => `${index}${how}${at}`).join();
  const round = (value) => Math.round(value * 1e6) / 1e6;

  function save() {
    const answers = photos.filter(({ index }) => stands(index) === "shows").map(({ index, id, path, size, basedOn }) => ({
      image_id: id, path, size_bytes: size, based_on: basedOn, decided_at: answer(index).at,
      shows: answer(index).boxes.filter((box) => box.on)
        .map(({ cls, x, y, w, h }) => ({ class: data.classes[cls][0], box: [x, y, w, h].map(round),
          ...(data.classes[cls][2] ? { new: true } : {}) })),
    }));
    if (!answers.length) {
      say("There is no answer to save yet.");
      return;
    }
    const file = saveAnswers(STORE, state.author, { review: data.review, random: data.random, answers });
    state.saved = fingerprint();
    show();
    say(`Saved ${counted(answers.length, "answer")}. Now run: trailcam review apply ${file}`);
  }

  // ---- keys and buttons
  const actions = { accept, blank: nothingThere, skip, undo, save, add: () => startPlacing(null), previous: () => go(state.current - 1),
    next: () => go(state.current + 1), place: finishPlacing, cancel: cancelPlacing };
  for (const [id, act] of Object.entries(actions)) {
    $(id).addEventListener("click", () => {
      act();
      if (id !== "save") $("stage").focus({ preventScroll: true });
    });
  }
  const onKey = { Enter: accept, n: nothingThere, s: skip, u: undo, a: () => startPlacing(null), x: () => toggle(chosen),
    e: () => answer().boxes[chosen] && startPlacing(chosen), o: () => $("find").focus(),
    ArrowLeft: () => go(state.current - 1), ArrowRight: () => go(state.current + 1),
    ArrowUp: () => choose(-1), ArrowDown: () => choose(1) };

  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const { key } = event;
    if (event.target.closest("input")) return;
    if (placing) {
      if (key.startsWith("Arrow")) nudge(key, event.shiftKey);
      else if (key === "Enter" && !event.target.closest("button")) finishPlacing();
      else if (key === "Escape") cancelPlacing();
      else return;
    } else if (/^[1-9]$/.test(key)) {
      if (Number(key) > data.keys.length) return;
      setClass(data.keys[Number(key) - 1][0]);
    } else if ((key === "Enter" || key === " ") && event.target.closest("button, summary, a")) {
      return; // it presses what has the focus
    } else if (onKey[key] && !(event.repeat && !key.startsWith("Arrow"))) {
      onKey[key]();
    } else {
      return;
    }
    event.preventDefault();
  });
  $("find").addEventListener("keydown", (event) => {
    if (event.key === "Escape") $("stage").focus({ preventScroll: true });
    if (event.key !== "Enter") return;
    const name = $("find").value.trim();
    let cls = classNamed(name);
    if (cls < 0 && (!name || unknown !== fold(name))) {
      unknown = fold(name);
      say(name ? `No class is called "${name}". Press Enter again to record it as an animal of its own.` : "Write a name.");
      return;
    }
    if (cls < 0) cls = newClass(name);
    $("find").value = "";
    $("stage").focus({ preventScroll: true });
    setClass(cls);
  });
  $("find").addEventListener("change", () => { $("find").value = $("find").value.trim(); });
  $("author").addEventListener("input", () => { state.author = $("author").value; kept.keep(state); });
  $("stage").addEventListener("click", (event) => {
    const box = event.target.closest("[data-box]");
    if (!box || placing) return;
    chosen = Number(box.dataset.box);
    show();
  });
  window.addEventListener("beforeunload", (event) => {
    if (!kept.works() && Object.keys(state.answers).length && state.saved !== fingerprint()) event.preventDefault();
  });

  // ---- names: those with a key, those of the model, and any other that somebody writes
  let unknown = "";
  const classNamed = (name) => {
    const byText = data.keys.find(([, text]) => fold(text) === fold(name));
    return byText ? byText[0] : data.classes.findIndex(([own]) => fold(own) === fold(name));
  };

  function newClass(name) {
    if (!state.added.some((own) => fold(own) === fold(name))) state.added.push(name);
    data.classes.push([name, "animal", true]);
    $("names").append(new Option(name, name));
    return data.classes.length - 1;
  }

  function fill() {
    for (const name of state.added) newClass(name);
    for (const [name] of data.classes) $("names").append(new Option(name, name));
    const here = new Set(photos.flatMap(({ boxes }) => boxes.map(({ cls }) => cls)));
    const others = [...data.classes.keys()].filter((cls) => here.has(cls) && !keyOf.has(cls));
    for (const cls of [...keyOf.keys(), ...others]) {
      const { key, text } = keyOf.get(cls) ?? { key: "", text: capital(plain(cls)) };
      const chip = make("button", "", text);
      chip.type = "button";
      chip.dataset.cls = cls;
      if (key) chip.append(make("kbd", "", key));
      chip.addEventListener("click", () => { setClass(cls); $("stage").focus({ preventScroll: true }); });
      $("classes").append(chip);
    }
    for (const [key, what] of KEYS) $("keys").append(make("dt", "", key), make("dd", "", what));
    $("author").value = state.author;
    $("selection").textContent = data.selection || "All photos that a model has looked at";
    $("notes").append(...data.notes.map((note) => make("p", "", note)));
  }

  restore();
  chosen = doubtful();
  fill();
  // The pictures stand after this script: the first is there once the page is read.
  document.addEventListener("DOMContentLoaded", () => {
    show();
    $("stage").focus({ preventScroll: true });
  });
})();
