"use strict";
(() => {
  const { $, data, UNITS, make, draw, counted, moment, address, framed, lost, nameOf } = trailcam;
  const CHANGES = ["gained", "lost", "changed"];
  // A box: the side (a or b), its class, confidence and place, and what became of it ("" where both agree).
  const photos = data.photos.map((row, index) => ({
    ...row, index, at: row.us === null ? null : new Date(Math.floor(row.us / 1000)),
  }));
  const chosen = { changes: new Set(), classes: new Set() }; // empty: all
  let view = [];
  let current = 0;

  const words = (d) => (d.change === "gained" ? `gained ${d.b}` : d.change === "lost" ? `lost ${d.a}`
    : `${d.a} became ${d.b}`);
  const fits = (d) => (!chosen.changes.size || chosen.changes.has(d.change))
    && (!chosen.classes.size || chosen.classes.has(d.a) || chosen.classes.has(d.b));
  // Each kind of difference once, with how often it is there.
  function title(photo) {
    const times = new Map();
    for (const text of photo.differences.map(words)) times.set(text, (times.get(text) ?? 0) + 1);
    return [...times].map(([text, n]) => (n > 1 ? `${text} ×${n}` : text)).join(" · ");
  }

  function overlay(photo, named) {
    const width = UNITS * photo.ratio;
    const svg = draw("svg", { viewBox: `0 0 ${width} ${UNITS}`, "aria-hidden": "true" });
    for (const [side, name, confidence, x, y, w, h, change] of photo.boxes) {
      const place = { x: x * width, y: y * UNITS, width: w * width, height: h * UNITS };
      const group = draw("g", change ? {} : { class: "agreed" });
      group.append(draw("rect", { ...place, class: "under" }), draw("rect", { ...place, class: `over of-${side}` }));
      // B's names stand below its boxes: both runs' boxes are often in one place.
      const at = side === "a" ? place : { ...place, y: Math.min(place.y + place.height + 44, UNITS - 4) };
      if (named) group.append(nameOf(at, `${side.toUpperCase()}: ${name} ${confidence.toFixed(2)}`, width));
      svg.append(group);
    }
    return svg;
  }

  function picture(photo, which, named) {
    if (photo.problem) return lost(photo);
    const image = make("img");
    image.alt = title(photo);
    image.loading = "lazy";
    image.src = address(photo, which) ?? address(photo, "thumb") ?? "";
    return framed(photo, image, overlay(photo, named));
  }

  function card(photo, order) {
    const node = make("article", "card");
    const button = make("button", "photo");
    button.type = "button";
    button.dataset.order = order;
    button.setAttribute("aria-label", `${title(photo)}, ${photo.station}, ${moment(photo)}`);
    button.append(picture(photo, "thumb", false));
    button.addEventListener("click", () => open(order));
    const text = make("div", "words");
    text.append(make("h3", "", title(photo)), make("p", "", photo.station), make("p", "", moment(photo)),
      make("p", "", photo.name));
    node.append(button, text);
    return node;
  }

  function refresh() {
    view = photos.filter((photo) => photo.differences.some(fits));
    $("events").replaceChildren(...view.map(card));
    $("none").hidden = view.length > 0;
    const boxes = view.reduce((sum, photo) => sum + photo.differences.filter(fits).length, 0);
    $("shown").textContent = `${counted(view.length, "photo")}, ${counted(boxes, "difference")}`;
  }

  function open(order) {
    if (order < 0 || order >= view.length) return;
    current = order;
    const photo = view[current];
    $("stage").replaceChildren(picture(photo, "large", true));
    $("photo-title").textContent = title(photo);
    $("photo-found").textContent = `${photo.station}, ${moment(photo)} · ${photo.name}`;
    $("position").textContent = `${current + 1} of ${view.length}`;
    $("previous").disabled = current === 0;
    $("next").disabled = current === view.length - 1;
    if (!$("viewer").open) $("viewer").showModal();
  }

  function chips(id, names) {
    for (const name of names) {
      const chip = make("button", "", name);
      chip.type = "button";
      chip.setAttribute("aria-pressed", "false");
      chip.addEventListener("click", () => {
        const on = !chosen[id].delete(name);
        if (on) chosen[id].add(name);
        chip.setAttribute("aria-pressed", String(on));
        refresh();
      });
      $(id).append(chip);
    }
  }

  $("viewer").addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "ArrowLeft") open(current - 1);
    else if (event.key === "ArrowRight") open(current + 1);
    else return;
    event.preventDefault();
  });
  $("viewer").addEventListener("close", () => $("events").querySelector(`[data-order="${current}"]`)?.focus());
  $("previous").addEventListener("click", () => open(current - 1));
  $("next").addEventListener("click", () => open(current + 1));
  $("close").addEventListener("click", () => $("viewer").close());

  $("selection").textContent = data.selection || "All photos that both completed";
  $("legend").textContent = `A, solid: ${data.a}. B, dashed: ${data.b}. Faint: boxes that both agree on.`;
  $("notes").append(...data.notes.map((note) => make("p", "", note)));
  chips("changes", CHANGES);
  chips("classes", data.classes);
  // The pictures' blocks come after this script.
  document.addEventListener("DOMContentLoaded", refresh);
})();
