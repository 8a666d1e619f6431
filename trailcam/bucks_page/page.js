(() => {
  const { $, data, make, number, counted, day, clock, shelf, saveAnswers } = trailcam;
  const STORE = `trailcam-bucks-${data.page}`;
  const MOST_UNDO = 100;
  const FAR_M = 200; // further apart no deer is in the same minute
  const MINUTE_US = 60e6;
  const KEYS = [["arrows", "go to another card; with Shift, choose the cards in between"], ["Space, x", "choose the card, or not"],
    ["g", "choose the whole group"], ["n", "write a name; Tab completes it, Enter gives it"], ["1 – 9", "a name of the list below"],
    ["0", "not sure: nobody can tell"], ["p", "split: a card for each photo"], ["j", "join the chosen cards"], ["z", "the large picture"],
    ["u", "undo"], ["Esc", "choose none"]];

  const fold = (name) => name.trim().replace(/\s+/g, " ").toLowerCase();
  // Every sight (one buck on one photo) has a number; a card is a list of them, its best first.
  const sights = [];
  const firstCards = data.rows.map(({ station, age, sights: own }) => own.map(([id, path, size, us, suspect, box, picture, name, asked]) => {
    sights.push({ id, path, size, us, suspect: Boolean(suspect), box, picture, name, asked: Boolean(asked), station, age,
      at: us === null ? null : new Date(Math.floor(us / 1000)) });
    return sights.length - 1;
  }));

  // ---- the state, kept in the browser
  // cards: [{ sights, group }]; answers: sight -> { name (null: not sure), at }
  const state = { author: "", answers: {}, recent: [], saved: "",
    cards: data.groups.flatMap((group, n) => group.map((row) => ({ sights: firstCards[row], group: n }))) };
  let history = [];
  const kept = shelf(STORE, ({ cards }) => Array.isArray(cards));
  let focus = 0; // the place of a card among those shown
  let anchor = 0;
  const chosen = new Set(); // first sights of cards
  const key = (card) => card.sights[0];

  const change = () => {
    history.push(JSON.stringify([state.cards, state.answers, state.recent]));
    if (history.length > MOST_UNDO) history.shift();
  };

  // ---- what is known of sights and cards
  const nameOf = (s) => (state.answers[s] ? state.answers[s].name : sights[s].name);
  const spokenOf = (s) => Boolean(state.answers[s]) || sights[s].asked;
  const isDone = (card) => card.sights.every(spokenOf);
  function called(card) {
    const names = [...new Set(card.sights.map(nameOf).filter((name) => name !== null))];
    if (names.length) return names.join(" / ");
    return isDone(card) ? "not sure" : "";
  }
  const names = () => {
    const all = new Map(data.names.map((name) => [fold(name), name]));
    for (const { name } of Object.values(state.answers)) if (name !== null && !all.has(fold(name))) all.set(fold(name), name);
    return all;
  };
  const listed = () => {
    const all = names();
    const recent = state.recent.filter((name) => all.has(fold(name))).map((name) => all.get(fold(name)));
    return [...new Set([...recent, ...[...all.values()].sort((a, b) => a.localeCompare(b))])];
  };

  const shown = () => state.cards.filter((card) => {
    const want = $("show").value;
    if (want === "open") return !isDone(card) || chosen.has(key(card));
    if (want === "unsure") return isDone(card) && card.sights.every((s) => nameOf(s) === null);
    if (want.startsWith("name ")) return card.sights.some((s) => nameOf(s) !== null && fold(nameOf(s)) === want.slice(5));
    return true;
  });

  const say = (text) => { $("said").textContent = text; };
  const when = (sight) => (sight.at ? `${day(sight.at)}, ${clock(sight.at)}` : "time unknown");

  // ---- naming
  const picked = () => {
    const list = shown();
    const own = list.filter((card) => chosen.has(key(card)));
    return own.length ? own : list.slice(focus, focus + 1);
  };

  // Why these cards can't all be `name`: two bucks in one photo are two bucks.
  function together(cards, name) {
    const photos = new Map();
    const own = new Set(cards.flatMap((card) => card.sights));
    for (const [s, sight] of sights.entries()) {
      const is = own.has(s) || (nameOf(s) !== null && fold(nameOf(s)) === fold(name));
      if (!is) continue;
      if (photos.has(sight.id)) return `Two of these bucks are in one photo (${when(sight)}): they can't both be ${name}.`;
      photos.set(sight.id, s);
    }
    return "";
  }

  function metres(one, other) {
    const [a, b] = [data.places[one], data.places[other]];
    return a && b ? Math.hypot(a[0] - b[0], a[1] - b[1]) : null;
  }

  // The other station at which a buck of that name was in the same minute, if that is far or nobody knows how far.
  let byName = null; // folded name -> its sights with a sure time; made anew after each change
  function sightsOf(name) {
    if (!byName) {
      byName = new Map();
      for (const [s, sight] of sights.entries()) {
        const own = nameOf(s);
        if (own === null || sight.us === null || sight.suspect) continue;
        if (!byName.has(fold(own))) byName.set(fold(own), []);
        byName.get(fold(own)).push(sight);
      }
    }
    return byName.get(fold(name)) ?? [];
  }
  function elsewhere(s, name) {
    const sight = sights[s];
    if (sight.us === null || sight.suspect) return null;
    for (const that of sightsOf(name)) {
      if (that.station === sight.station || Math.abs(that.us - sight.us) > MINUTE_US) continue;
      const apart = metres(sight.station, that.station);
      if (apart === null || apart > FAR_M) return { station: data.stations[that.station], apart };
    }
    return null;
  }
  const farWords = ({ station, apart }) =>
    `also at ${station} in the same minute, ${apart === null ? "distance unknown" : `${number(Math.round(apart))} m away`}`;

  function give(name) {
    const cards = picked();
    if (!cards.length) return;
    const clean = name === null ? null : names().get(fold(name)) ?? name.trim().replace(/\s+/g, " ");
    if (clean !== null && (!clean || clean.includes("|") || fold(clean) === "unnamed")) {
      say(clean ? `No buck can be called ${clean}.` : "Write a name.");
      return;
    }
    const clash = clean === null ? "" : together(cards, clean);
    if (clash) {
      say(clash);
      return;
    }
    change();
    const at = new Date().toISOString();
    for (const card of cards) for (const s of card.sights) state.answers[s] = { name: clean, at };
    byName = null;
    if (clean !== null) state.recent = [clean, ...state.recent.filter((one) => fold(one) !== fold(clean))].slice(0, 40);
    const far = clean === null ? null : cards.flatMap((card) => card.sights).map((s) => elsewhere(s, clean)).find(Boolean);
    chosen.clear();
    $("name").value = "";
    forward(cards);
    say(`${counted(cards.length, "card")}: ${clean ?? "not sure"}.${far ? ` Look again: it is ${farWords(far)}.` : ""}`);
  }

  // The next card that nobody has spoken of.
  function forward(cards) {
    const all = state.cards;
    const from = Math.max(...cards.map((card) => all.indexOf(card)));
    const rest = [...all.slice(from + 1), ...all.slice(0, from + 1)];
    const next = rest.find((card) => !isDone(card));
    show();
    goTo(next ? shown().indexOf(next) : 0);
  }

  function split() {
    const cards = picked().filter((card) => card.sights.length > 1);
    if (!cards.length) {
      say("This card has one photo: there is nothing to split.");
      return;
    }
    change();
    state.cards = state.cards.flatMap((card) =>
      (cards.includes(card) ? card.sights.map((s) => ({ sights: [s], group: card.group })) : [card]));
    chosen.clear();
    show();
    say(`Split into ${counted(cards.reduce((n, card) => n + card.sights.length, 0), "card")}.`);
  }

  function join() {
    const cards = picked();
    if (cards.length < 2) {
      say("Choose two cards or more to join.");
      return;
    }
    const photos = cards.flatMap((card) => card.sights.map((s) => sights[s].id));
    if (new Set(photos).size < photos.length) {
      say("Two of these bucks are in one photo: they can't be one.");
      return;
    }
    change();
    const whole = { sights: cards.flatMap((card) => card.sights), group: cards[0].group };
    const at = state.cards.indexOf(cards[0]);
    state.cards = state.cards.flatMap((card, n) => (n === at ? [whole] : cards.includes(card) ? [] : [card]));
    chosen.clear();
    show();
    goTo(shown().indexOf(whole));
    say(`Joined ${counted(cards.length, "card")}.`);
  }

  function undo() {
    const last = history.pop();
    if (!last) {
      say("There is nothing to undo.");
      return;
    }
    [state.cards, state.answers, state.recent] = JSON.parse(last);
    byName = null;
    chosen.clear();
    show();
    goTo(Math.min(focus, shown().length - 1));
    say("Undone.");
  }

  // ---- choosing
  function choose(card, on = !chosen.has(key(card))) {
    if (on) chosen.add(key(card));
    else chosen.delete(key(card));
    mark();
  }
  function chooseTo(place) {
    const list = shown();
    for (let n = Math.min(anchor, place); n <= Math.max(anchor, place); n += 1) if (list[n]) chosen.add(key(list[n]));
    mark();
  }
  function chooseGroup(group) {
    for (const card of shown()) if (card.group === group && !isDone(card)) chosen.add(key(card));
    mark();
  }
  function chooseNone() {
    chosen.clear();
    mark();
  }

  // ---- what is shown
  function picture(sight) {
    const block = sight.picture < 0 ? null : $(`thumb-${sight.picture}`);
    return block ? `data:image/jpeg;base64,${block.textContent}` : null;
  }

  function cardNode(card) {
    const best = card.sights.map((s) => sights[s]).find((sight) => sight.picture >= 0) ?? sights[key(card)];
    const node = make("article", "buck");
    node.tabIndex = 0;
    node.setAttribute("role", "checkbox");
    node.dataset.key = String(key(card));
    const frame = make("div", "picture");
    const address = picture(best);
    if (address) {
      const image = make("img");
      image.alt = "";
      image.loading = "lazy";
      image.decoding = "async";
      image.draggable = false;
      image.src = address;
      frame.append(image);
    } else {
      frame.append(make("span", "lost", (data.problems[best.picture] ?? "no picture of this photo is on the page").replace(/^[a-z ]+: /, "")));
    }
    const zoom = make("button", "zoom", "⤢");
    zoom.type = "button";
    zoom.tabIndex = -1;
    zoom.setAttribute("aria-label", "Large picture");
    const words = make("div", "words");
    const name = called(card);
    const line = make("p", "called", name || "not named");
    words.append(line, make("p", "", data.stations[best.station]), make("p", "", when(best)),
      make("p", "", `${best.age === "unknown" ? "buck" : best.age}, ${counted(card.sights.length, "photo")}`));
    if (name && name !== "not sure") {
      const far = card.sights.map((s) => (nameOf(s) === null ? null : elsewhere(s, nameOf(s)))).find(Boolean);
      if (far) words.append(make("p", "twice", farWords(far)));
    }
    node.classList.toggle("named", isDone(card));
    node.setAttribute("aria-label", `${name || "not named"}, ${data.stations[best.station]}, ${when(best)}`);
    node.append(frame, zoom, words);
    return node;
  }

  let drawn = new Map(); // what a card was drawn as
  const looks = (card) => `${card.sights.join()} ${called(card)} ${isDone(card)}`;
  function show() {
    const list = shown();
    const nodes = [];
    const next = new Map();
    let group = null;
    let inGroup = false;
    const sizes = new Map();
    for (const card of list) if (!isDone(card)) sizes.set(card.group, (sizes.get(card.group) ?? 0) + 1);
    for (const card of list) {
      if (card.group !== group) {
        group = card.group;
        if (inGroup && (sizes.get(group) ?? 0) < 2) nodes.push(make("div", "break"));
        inGroup = (sizes.get(group) ?? 0) > 1;
        if ((sizes.get(group) ?? 0) > 1) {
          const line = make("div", "break", "Look alike");
          const all = make("button", "", `Choose ${counted(sizes.get(group), "card")}`);
          all.type = "button";
          const own = group;
          all.addEventListener("click", () => { chooseGroup(own); });
          line.append(all);
          nodes.push(line);
        }
      }
      const how = looks(card);
      const old = drawn.get(key(card));
      const node = old && old.how === how ? old.node : cardNode(card);
      next.set(key(card), { node, how });
      nodes.push(node);
    }
    drawn = next;
    $("cards").replaceChildren(...nodes);
    $("none").hidden = list.length > 0;
    showProgress();
    showNames();
    mark();
    kept.keep(state);
  }

  function mark() {
    for (const [own, { node }] of drawn) node.setAttribute("aria-checked", String(chosen.has(own)));
    const n = chosen.size;
    $("chosen").textContent = n ? `${counted(n, "card")} chosen` : "this card";
    $("give").classList.add("primary");
  }

  function showProgress() {
    const done = state.cards.filter(isDone).length;
    const all = state.cards.length;
    const given = Object.keys(state.answers).length;
    $("progress-text").textContent = `${number(done)} of ${counted(all, "card")} named or not sure · ${counted(names().size, "buck")}`;
    $("progress-bar").style.width = `${(100 * done) / all}%`;
    const unsaved = given && state.saved !== fingerprint();
    $("save").textContent = unsaved ? "Save names" : given ? "Saved" : "Save names";
    $("save").classList.toggle("primary", Boolean(unsaved && done === all));
    $("undo").disabled = !history.length;
  }

  function showNames() {
    const all = listed();
    $("known").replaceChildren(...all.map((name) => new Option(name, name)));
    $("recent").replaceChildren(...all.map((name, n) => {
      const chip = make("button", "", name);
      chip.type = "button";
      if (n < 9) chip.append(" ", make("kbd", "", String(n + 1)));
      chip.addEventListener("click", () => give(name));
      return chip;
    }));
    const before = $("show").value || "all";
    $("show").replaceChildren(new Option("all cards", "all"), new Option("those without a name", "open"), new Option("not sure", "unsure"),
      ...[...names()].sort().map(([own, name]) => new Option(name, `name ${own}`)));
    $("show").value = [...$("show").options].some(({ value }) => value === before) ? before : "all";
  }

  function goTo(place) {
    const list = shown();
    if (!list.length) return;
    focus = Math.min(Math.max(0, place), list.length - 1);
    const node = drawn.get(key(list[focus]))?.node;
    node?.focus({ preventScroll: true });
    node?.scrollIntoView({ block: "nearest" });
  }

  function columns() {
    const nodes = [...$("cards").querySelectorAll(".buck")];
    const top = nodes[0]?.offsetTop;
    return Math.max(1, nodes.findIndex((node) => node.offsetTop !== top) < 0 ? nodes.length
      : getComputedStyle($("cards")).gridTemplateColumns.split(" ").length);
  }

  function enlarge() {
    const card = shown()[focus];
    if (!card) return;
    const own = card.sights.map((s) => sights[s]).filter((sight) => picture(sight));
    $("pictures").replaceChildren(...own.map((sight) => {
      const image = make("img");
      image.alt = when(sight);
      image.src = picture(sight);
      return image;
    }));
    const best = sights[key(card)];
    $("caption").textContent = `${called(card) || "not named"} · ${data.stations[best.station]} · ${when(best)} · ${best.path}`;
    $("large").showModal();
  }

  // ---- the file that `trailcam bucks apply` takes
  const fingerprint = () => Object.entries(state.answers).map(([s, { name, at }]) => `${s}${name}${at}`).join();

  function save() {
    const answers = Object.entries(state.answers).map(([s, { name, at }]) => {
      const { id, path, size, box } = sights[s];
      return { image_id: id, path, size_bytes: size, box, name, decided_at: at };
    });
    if (!answers.length) {
      say("There is no name to save yet.");
      return;
    }
    const file = saveAnswers(STORE, state.author, { page: data.page, based_on: data.basedOn, answers });
    state.saved = fingerprint();
    show();
    say(`Saved. Now run: trailcam bucks apply ${file}`);
  }

  // ---- keys, clicks
  const placeOf = (node) => shown().findIndex((card) => key(card) === Number(node.dataset.key));
  $("cards").addEventListener("click", (event) => {
    const node = event.target.closest(".buck");
    if (!node) return;
    const place = placeOf(node);
    goTo(place);
    if (event.target.closest(".zoom")) {
      enlarge();
    } else if (event.shiftKey) {
      chooseTo(place);
    } else {
      anchor = place;
      choose(shown()[place]);
    }
  });
  $("cards").addEventListener("focusin", (event) => {
    const node = event.target.closest(".buck");
    if (node) focus = placeOf(node);
  });

  function move(by, extend) {
    const list = shown();
    if (extend && !chosen.size) anchor = focus;
    goTo(focus + by);
    if (extend) chooseTo(focus);
    else if (list[focus]) anchor = focus;
  }

  const toName = () => { $("name").focus(); $("name").select(); };
  const actions = { give: () => { if ($("name").value.trim()) give($("name").value); else toName(); }, unsure: () => give(null),
    group: () => { const card = shown()[focus]; if (card) chooseGroup(card.group); }, split, join, undo, clear: chooseNone, save };
  for (const [id, act] of Object.entries(actions)) $(id).addEventListener("click", act);
  $("close").addEventListener("click", () => $("large").close());
  const onKey = { " ": () => choose(shown()[focus]), x: () => choose(shown()[focus]), g: actions.group, n: toName, Enter: toName,
    0: actions.unsure, p: split, j: join, u: undo, z: enlarge, Escape: chooseNone };

  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || $("large").open) return;
    if (event.target.closest("input, select")) return;
    const arrows = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(), ArrowDown: columns() };
    const pressing = (event.key === "Enter" || event.key === " ") && event.target.closest("button, summary, a");
    if (pressing) return;
    if (arrows[event.key] !== undefined) move(arrows[event.key], event.shiftKey);
    else if (/^[1-9]$/.test(event.key)) {
      const name = listed()[Number(event.key) - 1];
      if (name) give(name);
    } else if (onKey[event.key] && shown().length) onKey[event.key]();
    else return;
    event.preventDefault();
  });

  // Tab: the first name that begins with what is written, again for the next one.
  let begun = "";
  $("name").addEventListener("keydown", (event) => {
    const { value } = $("name");
    if (event.key === "Tab" && !event.shiftKey && value.trim()) {
      const fits = listed().filter((name) => fold(name).startsWith(fold(begun || value)));
      if (!fits.length) return;
      begun = begun || value;
      const now = fits.findIndex((name) => name === value);
      $("name").value = fits[(now + 1) % fits.length];
      event.preventDefault();
    } else if (event.key === "Enter") {
      begun = "";
      give(value);
      event.preventDefault();
    } else if (event.key === "Escape") {
      $("name").value = begun = "";
      goTo(focus);
      event.preventDefault();
    } else if (event.key !== "Shift") {
      begun = "";
    }
  });
  $("author").addEventListener("input", () => { state.author = $("author").value; kept.keep(state); });
  $("show").addEventListener("change", () => { chosen.clear(); show(); goTo(0); });
  window.addEventListener("beforeunload", (event) => {
    if (!kept.works() && Object.keys(state.answers).length && state.saved !== fingerprint()) event.preventDefault();
  });

  kept.restore(state);
  $("author").value = state.author;
  $("selection").textContent = data.selection || "All visits of bucks";
  $("notes").append(...data.notes.map((note) => make("p", "", note)));
  for (const [press, what] of KEYS) $("keys").append(make("dt", "", press), make("dd", "", what));
  // The pictures stand after this script: they are there once the page is read.
  document.addEventListener("DOMContentLoaded", () => {
    show();
    const open = state.cards.find((card) => !isDone(card));
    goTo(open ? shown().indexOf(open) : 0);
  });
})();
