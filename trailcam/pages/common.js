"use strict";
// What the pages with a script have in common. This is the one global name of any.
const trailcam = (() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December"];
  const UNITS = 1000; // a photo's height in the units of its boxes
  const GROUPS = { buck: "buck", doe: "deer", fawn: "deer", deer: "deer", person: "people", vehicle: "people" };

  const make = (tag, className, text) => {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  };
  const draw = (tag, attributes, text) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    if (text !== undefined) node.textContent = text;
    return node;
  };
  const number = (n) => n.toLocaleString("en-US");
  const counted = (n, noun) => `${number(n)} ${noun}${n === 1 ? "" : "s"}`;
  const two = (n) => String(n).padStart(2, "0");
  const day = (at) => `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()].slice(0, 3)} ${at.getUTCFullYear()}`;
  const clock = (at) => `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`;
  const moment = (photo) => (photo.at ? `${day(photo.at)}, ${clock(photo.at)}` : "time unknown");

  // ---- pictures, from the page or the folder beside it
  function address(photo, which) {
    if (data.folder) return `${encodeURIComponent(data.folder)}/${photo[which]}`;
    const block = $(`${which}-${photo.index}`);
    return block ? `data:image/jpeg;base64,${block.textContent}` : null;
  }

  const WHOLE = [0, 0, 1, 1];
  // A picture with its boxes on top; `cut` is the part of the photo that it shows.
  function framed(photo, image, boxes, cut = WHOLE) {
    const frame = make("span", "frame");
    frame.style.setProperty("--ratio", (photo.ratio * cut[2]) / cut[3]);
    frame.append(image, boxes);
    return frame;
  }

  // What boxes are drawn in: all their places are in units of the whole photo.
  function canvas(photo, cut = WHOLE) {
    const width = UNITS * photo.ratio;
    const part = [cut[0] * width, cut[1] * UNITS, cut[2] * width, cut[3] * UNITS];
    return draw("svg", { viewBox: part.join(" "), "aria-hidden": "true" });
  }

  function placeOf(photo, { x, y, w, h }) {
    const width = UNITS * photo.ratio;
    return { x: x * width, y: y * UNITS, width: w * width, height: h * UNITS };
  }

  // A rectangle that is seen on any ground; `marks` are its classes in the stylesheet.
  const outlined = (place, marks) =>
    [draw("rect", { ...place, class: "under" }), draw("rect", { ...place, class: `over ${marks}` })];

  function lost(photo) {
    const [reason, ...why] = photo.problem.split(": ");
    const node = make("span", "lost");
    node.append(make("b", "", "⊘"), make("strong", "", `photo ${reason}`), make("span", "", `: ${why.join(": ")}`));
    return node;
  }

  // A box's name, above it where there is room; place and width are in units of the photo.
  function nameOf(place, text, width) {
    const x = Math.max(4, Math.min(place.x + 4, width - text.length * 22));
    return draw("text", { x, y: place.y > 45 ? place.y - 12 : place.y + 36, class: "name" }, text);
  }

  // Buttons that switch: the set `on` holds the values of those that are pressed.
  function chips(id, entries, on, changed) {
    for (const [value, text] of entries) {
      const chip = make("button", "", text);
      chip.type = "button";
      chip.setAttribute("aria-pressed", String(on.has(value)));
      chip.addEventListener("click", () => {
        const pressed = !on.delete(value);
        if (pressed) on.add(value);
        chip.setAttribute("aria-pressed", String(pressed));
        changed();
      });
      $(id).append(chip);
    }
  }

  // One photo at a time in the dialog: `show(n)` draws the nth of `count()`; `keys` are further keys.
  function viewer(count, show, keys = {}) {
    let current = 0;
    function open(wanted) {
      if (wanted < 0 || wanted >= count()) return;
      current = wanted;
      show(current);
      $("previous").disabled = current === 0;
      $("next").disabled = current === count() - 1; // show() may have brought more
      if (!$("viewer").open) $("viewer").showModal();
    }
    const step = (by) => open(current + by);
    $("viewer").addEventListener("keydown", (event) => {
      const act = { ArrowLeft: () => step(-1), ArrowRight: () => step(1), ...keys }[event.key];
      if (!act || event.altKey || event.ctrlKey || event.metaKey) return;
      act();
      event.preventDefault();
    });
    // The focus returns to the photo looked at last, which need not be the one it began with.
    $("viewer").addEventListener("close", () => document.querySelector(`.photo[data-order="${current}"]`)?.focus());
    $("previous").addEventListener("click", () => step(-1));
    $("next").addEventListener("click", () => step(1));
    $("close").addEventListener("click", () => $("viewer").close());
    return { open, redraw: () => open(current) };
  }

  // ---- what a page of questions keeps in the browser until its answers are saved as a file
  const AUTHOR = "trailcam-review-author";
  function shelf(store, isState) {
    let works = true;
    const attempt = (act) => {
      try {
        act();
        works = true;
      } catch {
        works = false;
      }
    };
    return {
      works: () => works,
      restore(state) {
        attempt(() => {
          const kept = JSON.parse(localStorage.getItem(store) ?? "null");
          if (kept && typeof kept === "object" && isState(kept)) Object.assign(state, kept);
          if (!state.author) state.author = localStorage.getItem(AUTHOR) ?? "";
          localStorage.setItem(store, JSON.stringify(state));
        });
      },
      keep(state) {
        attempt(() => {
          localStorage.setItem(store, JSON.stringify(state));
          localStorage.setItem(AUTHOR, state.author);
        });
        $("keeps-nothing").hidden = works;
      },
    };
  }

  // Gives the browser a file of answers to save; returns its name.
  function saveAnswers(name, author, content) {
    const file = { format: data.format, version: data.formatVersion, library: data.library, author: author.trim(),
      saved_at: new Date().toISOString(), ...content };
    const link = make("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(file, null, 1)], { type: "application/json" }));
    link.download = `${name}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    return link.download;
  }

  return { $, data, MONTHS, UNITS, GROUPS, make, draw, number, counted, two, day, clock, moment, address, framed, canvas,
    placeOf, outlined, lost, nameOf, chips, viewer, shelf, saveAnswers };
})();
