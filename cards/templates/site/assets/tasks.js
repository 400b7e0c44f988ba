"use strict";
// The page of tasks: rows and columns that the filters leave.
(() => {
  const board = genezoo.load();
  const table = document.getElementById("matrix");
  const rows = [...table.tBodies[0].rows];
  const columns = [...table.querySelectorAll("thead th[data-column]")];
  const fixed = table.tHead.rows[0].cells.length - columns.length;
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets.push(sheet);
  let found, sorted;
  const summaries = rows.map(() => ({}));
  // Scores that a filter by coverage can leave out.
  const partial = rows.flatMap((_, at) => board.models.map((_, model) => [at, model]).filter(([, model]) => board.coverage[at * board.width + model] < 1));

  const median = (sorted) => (sorted.length ? (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2 : undefined);

  function show() {
    const there = new Set(found.rows);
    // One rule hides a column: thousands of cells are left alone.
    const models = new Set(found.models);
    const hidden = board.models.map((_, model) => model).filter((model) => !models.has(model));
    sheet.replaceSync(hidden.map((model) => `#matrix tr > :nth-child(${fixed + model + 1}) { display: none; }`).join("\n"));
    rows.forEach((row, at) => {
      row.hidden = !there.has(at);
      if (row.hidden) return;
      const scores = found.models.filter((model) => found.has(at, model)).map((model) => board.mean[at * board.width + model]).sort((one, other) => one - other);
      summaries[at] = { best: scores.at(-1), median: median(scores) };
      row.cells[2].textContent = genezoo.number(summaries[at].best);
      row.cells[3].textContent = genezoo.number(summaries[at].median);
    });
    for (const [at, model] of partial) {
      rows[at].cells[fixed + model].classList.toggle("out", !found.has(at, model));
    }
    document.getElementById("empty").hidden = found.rows.length > 0;
  }

  const filters = genezoo.filters(board, (chosen) => {
    found = genezoo.reach(board, chosen);
    show();
    sorted?.refresh();
    const total = board.rows.length;
    document.getElementById("count").textContent = chosen.active
      ? `${found.rows.length} of ${total} tasks, ${found.models.length} models`
      : `${total} tasks, ${found.models.length} models`;
  });

  filters.start();
  sorted = genezoo.sortable(table, {
    values(row, at) {
      const values = { task: board.rows[at].name, type: board.rows[at].type, ...summaries[at] };
      columns.forEach((th, model) => {
        values[th.dataset.key] = found.has(at, model) ? board.mean[at * board.width + model] : undefined;
      });
      return values;
    },
    sorting: filters.sorting.filter(({ id }) => table.querySelector(`th[data-key="${CSS.escape(id)}"]`)),
    onSort: (next) => { filters.sorting = next; },
  });
  filters.onMove = () => sorted.sort(filters.sorting);

  genezoo.downloads("tasks", () => {
    const shown = sorted.rows().map((row) => Number(row.dataset.row));
    const each = (take) => shown.map(take);
    return [
      ["task", "STRING", each((at) => board.rows[at].task)],
      ["family", "STRING", each((at) => board.families[board.rows[at].family].title)],
      ["type", "STRING", each((at) => board.rows[at].type)],
      ["protocol", "STRING", each((at) => board.rows[at].protocol)],
      ["metric", "STRING", each((at) => board.families[board.rows[at].family].metric)],
      ...found.models.map((model) => [board.models[model].name, "DOUBLE", each((at) => (found.has(at, model) ? board.mean[at * board.width + model] : null))]),
    ];
  });
})();
