"use strict";
// Tables that sort by their headers. The rows are in the page; TanStack Table finds their order.
var genezoo = globalThis.genezoo ?? {};
(() => {
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const status = () => document.getElementById("status");
  const ORDERS = { asc: "ascending", desc: "descending" };

  // What a cell says: its data-value, else its text; empty is no value.
  function read(cell, kind) {
    const text = cell.dataset.value ?? cell.textContent.trim();
    if (kind === "text") return text;
    return text === "" || text === "–" ? undefined : Number(text);
  }

  // `values(row, index)` gives a row's values by column key where they are not read off its cells.
  genezoo.sortable = function (table, { values, sorting, onSort } = {}) {
    const body = table.tBodies[0];
    const headers = [...table.querySelectorAll("thead th[data-key]")];
    const records = [...body.rows].map((row, index) => ({ row, index }));
    const read_all = () => {
      for (const record of records) {
        record.values = values
          ? values(record.row, record.index)
          : Object.fromEntries(headers.map((th) => [th.dataset.key, read(record.row.cells[th.cellIndex], th.dataset.kind)]));
      }
    };
    read_all();
    let state = { sorting: sorting ?? [], columnPinning: { left: [], right: [] }, columnVisibility: {} };
    const model = TableCore.createTable({
      data: records,
      columns: headers.map((th) => ({
        id: th.dataset.key,
        accessorFn: (record) => record.values[th.dataset.key],
        sortDescFirst: th.dataset.kind === "number",
        sortUndefined: "last",
        sortingFn: th.dataset.kind === "text"
          ? (a, b, id) => collator.compare(a.getValue(id), b.getValue(id))
          : (a, b, id) => a.getValue(id) - b.getValue(id),
      })),
      state,
      enableSortingRemoval: false,
      onStateChange: () => {},
      renderFallbackValue: null,
      getCoreRowModel: TableCore.getCoreRowModel(),
      getSortedRowModel: TableCore.getSortedRowModel(),
      onSortingChange: (update) => show(typeof update === "function" ? update(state.sorting) : update, true),
    });

    function show(next, told) {
      state = { ...state, sorting: next };
      model.setOptions((old) => ({ ...old, state }));
      body.append(...model.getSortedRowModel().rows.map((row) => row.original.row));
      const [by] = next;
      for (const th of headers) {
        const mine = by && th.dataset.key === by.id;
        const order = mine ? ORDERS[by.desc ? "desc" : "asc"] : "none";
        if (th.getAttribute("aria-sort") !== order) th.setAttribute("aria-sort", order);
        if (mine && told) status().textContent = `Sorted by ${th.querySelector(".name").textContent}, ${th.getAttribute("aria-sort")}`;
      }
      if (told) onSort?.(next);
    }

    for (const th of headers) {
      th.querySelector("button").addEventListener("click", () => model.getColumn(th.dataset.key).toggleSorting());
    }
    if (state.sorting.length) show(state.sorting, false);
    return {
      sort: (next) => show(next, false),
      keys: headers.map((th) => th.dataset.key),
      // Numbers have changed: read them anew, and put the rows in order again.
      refresh() {
        read_all();
        model.setOptions((old) => ({ ...old, data: [...records] }));
        if (state.sorting.length) show(state.sorting, false);
      },
      rows: () => [...body.rows].filter((row) => !row.hidden),
    };
  };
})();
