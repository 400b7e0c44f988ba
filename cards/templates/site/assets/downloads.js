"use strict";
// What is shown, as a file. `columns` are [name, type, values]; the type is STRING or DOUBLE.
var genezoo = globalThis.genezoo ?? {};
(() => {
  function save(name, type, parts) {
    const url = URL.createObjectURL(new Blob(parts, { type }));
    const link = Object.assign(document.createElement("a"), { href: url, download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }

  // A spreadsheet would run a text that starts like a formula.
  const guarded = (text) => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);
  function cell(value) {
    if (value === null || value === undefined) return "";
    const text = typeof value === "number" ? String(value) : guarded(String(value));
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }

  // The Parquet writer is fetched from the site's own folder when it is first asked for.
  let writer;
  const parquet = () => (writer ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = `${document.body.dataset.root}vendor/hyparquet-writer.js`;
    script.onload = () => done(globalThis.hyparquetWriter);
    script.onerror = failed;
    document.head.append(script);
  }));

  genezoo.downloads = function (name, table) {
    for (const button of document.querySelectorAll("[data-download]")) {
      button.addEventListener("click", async () => {
        const columns = table();
        const status = document.getElementById("status");
        const rows = columns[0][2].length;
        if (button.dataset.download === "csv") {
          const lines = [columns.map(([title]) => cell(title))];
          for (let at = 0; at < rows; at++) lines.push(columns.map(([, , values]) => cell(values[at])));
          save(`${name}.csv`, "text/csv;charset=utf-8", [lines.map((line) => line.join(",")).join("\r\n"), "\r\n"]);
        } else {
          const { parquetWriteBuffer } = await parquet();
          const seen = new Map();
          // Parquet columns need names of their own.
          const titled = columns.map(([title]) => {
            const count = seen.get(title) ?? 0;
            seen.set(title, count + 1);
            return count ? `${title} (${count + 1})` : title;
          });
          const columnData = columns.map(([, type, values], at) => ({ name: titled[at], type, data: values.map((value) => value ?? null), nullable: true }));
          save(`${name}.parquet`, "application/vnd.apache.parquet", [parquetWriteBuffer({ columnData })]);
        }
        status.textContent = `Downloaded ${rows} rows`;
      });
    }
  };
})();
