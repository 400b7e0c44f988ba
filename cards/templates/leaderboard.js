"use strict";
(() => {
  const status = document.getElementById("status");
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

  // Sorting: the button in a header sorts its table by that column; cells without a value stay last.
  function sortBy(header) {
    const table = header.closest("table");
    const index = header.cellIndex;
    const number = header.dataset.kind === "number";
    const before = header.getAttribute("aria-sort");
    const first = number ? "descending" : "ascending";
    const second = number ? "ascending" : "descending";
    const order = before === first ? second : first;
    const sign = order === "ascending" ? 1 : -1;
    const value = (row) => row.cells[index].dataset.value ?? row.cells[index].textContent;
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [value(row), row]);
    rows.sort(([a], [b]) => {
      if (a === "" || b === "") return (a === "") - (b === "");
      return sign * (number ? a - b : collator.compare(a, b));
    });
    for (const other of table.querySelectorAll("th[aria-sort]")) other.setAttribute("aria-sort", "none");
    header.setAttribute("aria-sort", order);
    body.append(...rows.map(([, row]) => row));
    status.textContent = `Sorted by ${header.querySelector(".name").textContent}, ${order}`;
  }
  for (const button of document.querySelectorAll("table.sortable th button")) {
    button.addEventListener("click", () => sortBy(button.closest("th")));
  }

  // Filtering: every word must be in the name; models vanish from all tables, tasks from lists too.
  function filterBy(kind) {
    const input = document.getElementById(`filter-${kind}s`);
    const count = document.getElementById(`count-${kind}s`);
    const parts = [...document.querySelectorAll(`[data-${kind}]`)];
    const names = new Map();
    for (const part of parts) {
      if (part.dataset.name !== undefined) names.set(part.dataset[kind], part.dataset.name.toLowerCase());
    }
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      const shown = new Set();
      for (const [key, name] of names) if (words.every((word) => name.includes(word))) shown.add(key);
      for (const part of parts) part.hidden = !shown.has(part.dataset[kind]);
      count.textContent = words.length ? `${shown.size} of ${names.size}` : "";
    });
  }
  filterBy("model");
  filterBy("task");
  for (const tools of document.querySelectorAll(".tools")) tools.hidden = false;

  // A link to a task opens its details.
  function openTarget() {
    const target = document.getElementById(location.hash.slice(1));
    if (target instanceof HTMLDetailsElement) target.open = true;
  }
  for (const link of document.querySelectorAll('a[href^="#task-"]')) {
    link.addEventListener("click", () => {
      document.getElementById(link.hash.slice(1)).open = true;
    });
  }
  openTarget();
})();
