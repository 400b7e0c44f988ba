"use strict";
// Filters and sorting live in the address: #q=…&modality=…&sort=mean:desc. A link shows the same.
var genezoo = globalThis.genezoo ?? {};
(() => {
  genezoo.filters = function (board, onChange) {
    const panel = document.getElementById("filters");
    const fields = [...panel.querySelectorAll("[data-filter]")];
    let sort = "";
    const read = () => new URLSearchParams(location.hash.slice(1));
    const words = (text) => (text ?? "").toLowerCase().split(/\s+/).filter(Boolean);

    function chosen() {
      const state = Object.fromEntries(fields.map((field) => [field.dataset.filter, field.value.trim()]));
      const has = (text, wanted) => words(wanted).every((word) => text.toLowerCase().includes(word));
      const family = (row) => board.families[row.family];
      return {
        active: Object.values(state).some(Boolean),
        least: Number(state.coverage) || 0,
        modelOn: board.models.map((one) => has(one.name, state.m) && (!state.modality || one.modality.split(", ").includes(state.modality))),
        taskOn: board.rows.map((row) => has(`${row.task} ${family(row).title}`, state.q)
          && (!state.family || family(row).title === state.family)
          && (!state.type || row.type === state.type)
          && (!state.protocol || row.protocol === state.protocol)),
      };
    }

    function address() {
      const parts = new URLSearchParams(fields.filter((field) => field.value.trim()).map((field) => [field.dataset.filter, field.value.trim()]));
      const kept = parts.toString();
      if (sort) parts.set("sort", sort);
      const wanted = parts.toString() ? `#${parts}` : "";
      // `replace` and not the history's own method, which file:// forbids; an empty hash would scroll.
      if (wanted !== location.hash && (wanted || location.hash.length > 1)) location.replace(wanted || "#all");
      for (const link of document.querySelectorAll("a[data-keep]")) {
        link.hash = kept && !link.pathname.endsWith("about.html") ? `#${kept}` : "";
      }
    }

    function fromAddress() {
      const params = read();
      for (const field of fields) {
        const value = params.get(field.dataset.filter) ?? "";
        field.value = value;
        if (field.value !== value && field.tagName === "SELECT") field.value = "";
      }
      sort = params.get("sort") ?? "";
      if (fields.some((field) => field.value)) panel.open = true;
    }

    function changed() {
      address();
      onChange(chosen());
    }

    panel.hidden = false;
    document.querySelector(".shown").hidden = false;
    if (matchMedia("(max-width: 40rem)").matches) panel.open = false;
    fromAddress();
    let waiting = 0;
    for (const field of fields) {
      field.addEventListener("input", () => {
        clearTimeout(waiting);
        waiting = setTimeout(changed, field.type === "search" ? 120 : 0);
      });
    }
    document.getElementById("reset").addEventListener("click", () => {
      for (const field of fields) field.value = "";
      changed();
      fields[0].focus();
    });
    const own = {
      chosen,
      start() { address(); onChange(chosen(), true); },
      // TanStack's sorting state, in the address as `key:desc`.
      get sorting() {
        const [, id, order] = sort.match(/^(.*):(asc|desc)$/) ?? [];
        return id ? [{ id, desc: order === "desc" }] : [];
      },
      set sorting([by]) {
        sort = by ? `${by.id}:${by.desc ? "desc" : "asc"}` : "";
        requestAnimationFrame(() => setTimeout(address)); // when the new order is to be seen
      },
      onMove: () => {},
    };
    addEventListener("hashchange", () => {
      const parts = new URLSearchParams(fields.filter((field) => field.value.trim()).map((field) => [field.dataset.filter, field.value.trim()]));
      if (sort) parts.set("sort", sort);
      const now = read();
      now.delete("all");
      if (now.toString() === parts.toString()) return; // our own doing
      fromAddress();
      changed();
      own.onMove();
    });
    return own;
  };
})();
