"use strict";
// The page of models: what the filters leave, computed anew.
(() => {
  const board = genezoo.load();
  const table = document.getElementById("overview");
  const rows = [...table.tBodies[0].rows];
  const columns = [...table.querySelectorAll("thead th[data-column]")];
  const fixed = table.tHead.rows[0].cells.length - columns.length;
  // What a header says beside the number of tasks: another metric, a condition.
  const beside = columns.map((th) => th.querySelector(".more").textContent.replace(/^[^,]*/, ""));
  const strip = (value, metric) => {
    const [low, high] = board.domains[metric];
    return 4 + Math.min(1, Math.max(0, (value - low) / (high - low))) * 112;
  };
  let found;

  function write(cell, mean, best) {
    const text = genezoo.number(mean?.mean);
    cell.firstChild.data === text || (cell.firstChild.data = text);
    cell.querySelector(".more").textContent = mean ? genezoo.span(mean.interval) : "";
    cell.classList.toggle("none", !mean);
    cell.classList.toggle("best", best);
    const part = cell.querySelector(".part");
    if (part) part.hidden = true;
    if (mean && mean.coverage < 1) {
      const line = part ?? cell.appendChild(Object.assign(document.createElement("span"), { className: "part" }));
      line.hidden = false;
      line.textContent = `${genezoo.percent(mean.coverage)} covered`;
    }
  }

  function draw(cell, mean) {
    const svg = cell.querySelector("svg");
    if (svg) svg.toggleAttribute("hidden", !mean);
    if (!mean || !svg) return;
    const at = strip(mean.mean, found.metric);
    svg.querySelector("circle").setAttribute("cx", at);
    const whisker = svg.querySelector(".whisker");
    if (whisker && mean.interval) whisker.setAttribute("d", `M${strip(mean.interval[0], found.metric)} 10H${strip(mean.interval[1], found.metric)}`);
    whisker?.toggleAttribute("hidden", !mean.interval);
  }

  function show() {
    const place = new Map([...found.overall].map(([model, one]) => [model, 1 + [...found.overall.values()].filter((other) => other.mean > one.mean).length]));
    const there = new Set(found.models);
    // Where only regressions are left, the mean is of another metric.
    if (found.metric) {
      table.querySelector('th[data-key="mean"] .more').textContent = board.named[found.metric];
      table.querySelectorAll("thead .axis text").forEach((text, end) => { text.textContent = String(board.domains[found.metric][end]); });
    }
    const tops = found.families.map((family) => (family.means.size > 1 ? Math.max(...[...family.means.values()].map((mean) => Number(mean.mean.toFixed(3)))) : NaN));
    rows.forEach((row, model) => {
      row.hidden = !there.has(model);
      if (row.hidden) return;
      row.querySelector(".rank").textContent = place.get(model) ?? "";
      const cells = row.cells;
      const overall = found.overall.get(model);
      write(cells[1], overall, false);
      draw(cells[2], overall);
      cells[3].textContent = genezoo.letters(found.standing?.groups.get(model));
      cells[4].textContent = found.standing ? found.standing.ranks.get(model).toFixed(1) : "–";
      const { span, tasks } = found.coverage.get(model);
      cells[5].firstChild.data = span ? [...new Set(span.map(genezoo.percent))].join("–") : "–";
      cells[5].querySelector(".more").textContent = `${tasks.toLocaleString("en")} task${tasks === 1 ? "" : "s"}`;
      found.families.forEach((family, at) => {
        const mean = family.means.get(model);
        write(cells[fixed + at], mean, mean !== undefined && Number(mean.mean.toFixed(3)) === tops[at]);
      });
    });
    found.families.forEach((family, at) => {
      const hidden = !family.rows.length;
      columns[at].hidden = hidden;
      for (const row of rows) row.cells[fixed + at].hidden = hidden;
      const { counted, rows: all } = family;
      const count = counted.length === all.length ? `${all.length}` : `${counted.length} of ${all.length}`;
      columns[at].querySelector(".more").textContent = `${count.replaceAll(" ", "\u00a0")}\u00a0task${all.length === 1 ? "" : "s"}${beside[at]}`;
    });
    document.getElementById("empty").hidden = found.models.length > 0;
  }

  const filters = genezoo.filters(board, (chosen, first) => {
    found = genezoo.aggregate(board, chosen);
    if (!first || chosen.active) show();
    sorted?.refresh();
    const tasks = new Set(found.rows.map((at) => board.rows[at].task)).size;
    document.getElementById("count").textContent = chosen.active
      ? `${found.models.length} of ${board.models.length} models, ${tasks} tasks`
      : `${found.models.length} models, ${tasks} tasks`;
  });
  let sorted;
  filters.start();
  const usual = [{ id: "mean", desc: true }];
  sorted = genezoo.sortable(table, {
    values(row, model) {
      const values = {
        model: board.models[model].name,
        mean: found.overall.get(model)?.mean,
        group: found.standing?.groups.get(model)?.[0],
        rank: found.standing?.ranks.get(model),
        coverage: found.coverage.get(model)?.span?.[0],
      };
      columns.forEach((th, at) => { values[th.dataset.key] = found.families[at].means.get(model)?.mean; });
      return values;
    },
    sorting: filters.sorting.filter(({ id }) => table.querySelector(`th[data-key="${CSS.escape(id)}"]`)),
    onSort: (next) => { filters.sorting = next; },
  });
  filters.onMove = () => sorted.sort(filters.sorting.length ? filters.sorting : usual);

  genezoo.downloads("leaderboard", () => {
    const models = sorted.rows().map((row) => Number(row.dataset.model));
    const families = found.families.map((family, at) => [family, at]).filter(([family]) => family.rows.length);
    const each = (take) => models.map(take);
    const title = ([family, at]) => `${board.families[at].title} ${family.metric}${board.families[at].variant ? ` (${board.families[at].variant})` : ""}`;
    return [
      ["model", "STRING", each((model) => board.models[model].name)],
      ["modality", "STRING", each((model) => board.models[model].modality)],
      ["published", "STRING", each((model) => String(board.models[model].published))],
      [`overall ${found.metric}`, "DOUBLE", each((model) => found.overall.get(model)?.mean)],
      ["overall low", "DOUBLE", each((model) => found.overall.get(model)?.interval?.[0])],
      ["overall high", "DOUBLE", each((model) => found.overall.get(model)?.interval?.[1])],
      ["average rank", "DOUBLE", each((model) => found.standing?.ranks.get(model))],
      ["group", "STRING", each((model) => genezoo.letters(found.standing?.groups.get(model)))],
      ...families.flatMap((family) => [
        [title(family), "DOUBLE", each((model) => family[0].means.get(model)?.mean)],
        [`${title(family)} low`, "DOUBLE", each((model) => family[0].means.get(model)?.interval?.[0])],
        [`${title(family)} high`, "DOUBLE", each((model) => family[0].means.get(model)?.interval?.[1])],
      ]),
    ];
  });
})();
