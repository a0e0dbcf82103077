// Filters and sorts the table of results; what is chosen stands in the address. Without this the whole table stands.
"use strict";
const form = document.getElementById("filters");
const table = document.getElementById("lines");
const count = document.getElementById("count");
const rows = table ? [...table.tBodies[0].rows] : [];
const heads = table ? [...table.querySelectorAll("th[data-sort]")] : [];
const selects = form ? [...form.querySelectorAll("select")] : [];
const usual = { users: "best" };
let sorted = { by: "", order: "" };

const has = (select, value) => [...select.options].some((option) => option.value === value);

function fits(row, chosen) {
  return Object.entries(chosen).every(([name, value]) => {
    if (value === "") return true;
    return name === "users" && value === "best" ? "best" in row.dataset : row.dataset[name] === value;
  });
}

function showCharts(chosen) {
  for (const figure of document.querySelectorAll(".multiples figure"))
    figure.hidden = chosen.runtime !== "" && figure.dataset.runtime !== chosen.runtime;
  for (const group of document.querySelectorAll(".group"))
    group.hidden =
      (chosen.model !== "" && group.dataset.model !== chosen.model) || !group.querySelector("figure:not([hidden])");
}

function filter() {
  const chosen = Object.fromEntries(selects.map((select) => [select.name, select.value]));
  let shown = 0;
  for (const row of rows) {
    row.hidden = !fits(row, chosen);
    shown += !row.hidden;
  }
  count.textContent = `${shown} of ${rows.length} results shown.` + (shown ? "" : " Nothing fits all filters.");
  showCharts(chosen);
}

function value(row, column) {
  const found = row.cells[column].dataset.v;
  return found === undefined ? null : heads[column].classList.contains("num") ? Number(found) : found;
}

// What has no value stays at the end, whichever way the others go.
function compare(a, b, column, sign) {
  const x = value(a, column);
  const y = value(b, column);
  if (x === null || y === null) return (x === null) - (y === null);
  return sign * (typeof x === "number" ? x - y : x < y ? -1 : x > y ? 1 : 0);
}

function sort(by, order) {
  const column = heads.findIndex((head) => head.dataset.sort === by);
  sorted = column < 0 ? { by: "", order: "" } : { by, order };
  for (const [at, head] of heads.entries())
    if (at === column) head.setAttribute("aria-sort", order === "up" ? "ascending" : "descending");
    else head.removeAttribute("aria-sort");
  const sign = order === "up" ? 1 : -1;
  const inOrder = column < 0 ? rows : [...rows].sort((a, b) => compare(a, b, column, sign));
  table.tBodies[0].append(...inOrder);
}

function press(head) {
  const better = head.dataset.better === "higher" || head.dataset.sort === "bundle" ? "down" : "up";
  const again = sorted.by === head.dataset.sort ? (sorted.order === "up" ? "down" : "up") : better;
  sort(head.dataset.sort, again);
  remember();
}

function remember() {
  const words = new URLSearchParams();
  for (const { name, value } of selects) if (value !== (usual[name] ?? "")) words.set(name, value);
  if (sorted.by) {
    words.set("sort", sorted.by);
    words.set("order", sorted.order);
  }
  const state = words.toString();
  history.replaceState(null, "", state ? "#" + state : location.pathname + location.search);
}

// All at once: a change of the address that the browser tells late would bring back what the address still says.
function clear(event) {
  event.preventDefault();
  for (const select of selects) select.value = usual[select.name] ?? "";
  filter();
  remember();
}

// An address of a place on the page has no "=", and changes nothing.
function recall() {
  const hash = location.hash.slice(1);
  if (hash !== "" && !hash.includes("=")) return;
  const words = new URLSearchParams(hash);
  for (const select of selects) {
    const asked = words.get(select.name);
    select.value = asked !== null && has(select, asked) ? asked : (usual[select.name] ?? "");
  }
  sort(words.get("sort") ?? "", words.get("order") === "up" ? "up" : "down");
  filter();
}

function fallback(button) {
  const area = document.createElement("textarea");
  area.value = button.dataset.copy;
  area.setAttribute("aria-label", "command");
  button.after(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  button.focus();
  return done;
}

async function copy(button) {
  let done = true;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    done = fallback(button);
  }
  button.textContent = done ? "Copied" : "Failed";
  if (count) count.textContent = done ? `Copied: ${button.dataset.copy}` : "The browser does not allow copying.";
  setTimeout(() => (button.textContent = "Copy"), 1500);
}

for (const button of document.querySelectorAll("button.copy")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button));
}

if (form && table) {
  for (const head of heads) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => press(head));
    head.replaceChildren(button);
  }
  form.hidden = false;
  form.addEventListener("change", () => (filter(), remember()));
  form.addEventListener("reset", clear);
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", recall);
  for (const select of selects) select.value = usual[select.name] ?? "";
  sort("", "");
  filter();
  recall();
}
