// Runs before the first paint, so that a chosen theme never flashes the other one.
"use strict";
{
  const order = ["auto", "light", "dark"];
  const read = () => {
    try {
      const chosen = localStorage.getItem("pushgateway-theme");
      return order.includes(chosen) ? chosen : "auto";
    } catch {
      return "auto"; // storage may be switched off
    }
  };
  const apply = (theme) => { document.documentElement.dataset.theme = theme; };
  apply(read());
  addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const label = () => {
      const theme = document.documentElement.dataset.theme;
      const text = { auto: "Theme: as the system", light: "Theme: light", dark: "Theme: dark" }[theme];
      button.setAttribute("aria-label", text);
      button.title = text;
      button.querySelector("use").setAttribute("href", `#i-${theme}`);
    };
    button.addEventListener("click", () => {
      const next = order[(order.indexOf(document.documentElement.dataset.theme) + 1) % order.length];
      apply(next);
      try { localStorage.setItem("pushgateway-theme", next); } catch { /* chosen for this page only */ }
      label();
    });
    label();
  });
}
