"use strict";
// Light or dark: as the system says, until the button says otherwise. Runs before the first paint.
(() => {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  const stored = () => {
    try { return localStorage.getItem("genezoo-theme"); } catch { return null; } // file:// may forbid it
  };
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const tell = () => dispatchEvent(new Event("themechange"));
  const before = stored();
  if (before === "dark" || before === "light") root.dataset.theme = before;
  system.addEventListener("change", tell);
  addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const label = () => { button.setAttribute("aria-label", isDark() ? "Light colours" : "Dark colours"); };
    button.hidden = false;
    label();
    addEventListener("themechange", label);
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      try { localStorage.setItem("genezoo-theme", root.dataset.theme); } catch { /* for this page only */ }
      tell();
    });
  });
})();
