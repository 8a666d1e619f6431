"use strict";
(() => {
  const { $, data, UNITS, make, draw, counted, moment, address, framed, canvas, placeOf, outlined, lost, nameOf, chips,
    viewer } = trailcam;
  const CHANGES = ["gained", "lost", "changed"];
  // A box: the side (a or b), its class, confidence and place, and what became of it ("" where both agree).
  const photos = data.photos.map((row, index) => ({
    ...row, index, at: row.us === null ? null : new Date(Math.floor(row.us / 1000)),
  }));
  const chosen = { changes: new Set(), classes: new Set() }; // empty: all
  let view = [];

  const words = (d) => (d.change === "gained" ? `gained ${d.b}` : d.change === "lost" ? `lost ${d.a}`
    : `${d.a} in A, ${d.b} in B`);
  const fits = (d) => (!chosen.changes.size || chosen.changes.has(d.change))
    && (!chosen.classes.size || chosen.classes.has(d.a) || chosen.classes.has(d.b));
  // Each kind of difference once, with how often it is there.
  function title(photo) {
    const times = new Map();
    for (const text of photo.differences.map(words)) times.set(text, (times.get(text) ?? 0) + 1);
    return [...times].map(([text, n]) => (n > 1 ? `${text} ×${n}` : text)).join(" · ");
  }

  function overlay(photo, named) {
    const svg = canvas(photo);
    for (const [side, name, confidence, x, y, w, h, change] of photo.boxes) {
      const place = placeOf(photo, { x, y, w, h });
      const group = draw("g", change ? {} : { class: "agreed" });
      group.append(...outlined(place, `of-${side}`));
      // B's names stand below its boxes: both runs' boxes are often in one place.
      const at = side === "a" ? place : { ...place, y: Math.min(place.y + place.height + 44, UNITS - 4) };
      const text = `${side.toUpperCase()}: ${name} ${confidence.toFixed(2)}`;
      if (named) group.append(nameOf(at, text, UNITS * photo.ratio));
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
    button.addEventListener("click", () => large.open(order));
    const text = make("div", "words");
    text.append(make("h3", "", title(photo)), make("p", "", photo.station), make("p", "", moment(photo)),
      make("p", "", photo.name));
    node.append(button, text);
    return node;
  }

  function refresh() {
    view = photos.filter((photo) => photo.differences.some(fits));
    $("photos").replaceChildren(...view.map(card));
    $("none").hidden = view.length > 0;
    const boxes = view.reduce((sum, photo) => sum + photo.differences.filter(fits).length, 0);
    $("shown").textContent = `${counted(view.length, "photo")}, ${counted(boxes, "difference")}`;
  }

  const large = viewer(() => view.length, (order) => {
    const photo = view[order];
    $("stage").replaceChildren(picture(photo, "large", true));
    $("photo-title").textContent = title(photo);
    $("photo-found").textContent = `${photo.station}, ${moment(photo)} · ${photo.name}`;
    $("position").textContent = `${order + 1} of ${view.length}`;
  });

  $("selection").textContent = data.selection || "All photos that both completed";
  $("legend").textContent = `A, solid: ${data.a}. B, dashed: ${data.b}. Faint: boxes that both agree on.`;
  $("notes").append(...data.notes.map((note) => make("p", "", note)));
  chips("changes", CHANGES.map((change) => [change, change]), chosen.changes, refresh);
  chips("classes", data.classes.map((name) => [name, name]), chosen.classes, refresh);
  // The pictures' blocks come after this script.
  document.addEventListener("DOMContentLoaded", refresh);
})();
