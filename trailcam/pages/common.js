"use strict";
// What the gallery and the review page have in common. This is the one global name of either.
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

  function framed(photo, image, boxes) {
    const frame = make("span", "frame");
    frame.style.setProperty("--ratio", photo.ratio);
    frame.append(image, boxes);
    return frame;
  }

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

  return { $, data, MONTHS, UNITS, GROUPS, make, draw, number, counted, two, day, clock, moment, address, framed, lost,
    nameOf };
})();
