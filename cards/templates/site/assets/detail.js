"use strict";
// The page of a task or of a model: its tables sort, its charts are drawn.
(() => {
  const tables = [...document.querySelectorAll("table.sortable")].map((table) => {
    const first = table.querySelector('th[aria-sort="descending"]');
    return genezoo.sortable(table, { sorting: first ? [{ id: first.dataset.key, desc: true }] : [], onSort: remember });
  });

  // The address keeps how the tables are sorted: #sort=0.score:desc,2.model:asc
  function remember() {
    const parts = [...document.querySelectorAll("table.sortable")].flatMap((table, at) => {
      const th = table.querySelector('th[aria-sort$="ending"]');
      return th ? [`${at}.${th.dataset.key}:${th.getAttribute("aria-sort").replace("ending", "")}`] : [];
    });
    location.replace(`#sort=${parts.join(",")}`);
  }
  function recall() {
    const said = new URLSearchParams(location.hash.slice(1)).get("sort") ?? "";
    for (const [, at, id, order] of said.matchAll(/(\d+)\.([^:,]+):(asc|desc)/g)) {
      if (tables[at]?.keys.includes(id)) tables[at].sort([{ id, desc: order === "desc" }]);
    }
  }
  recall();
  addEventListener("hashchange", recall);

  for (const figure of document.querySelectorAll('[data-chart="ranked"]')) {
    genezoo.ranked(figure, JSON.parse(document.getElementById(figure.dataset.source).textContent));
  }
  const duel = document.querySelector('[data-chart="duel"]');
  if (duel) genezoo.duel(duel, genezoo.load(), Number(duel.dataset.model));
})();
