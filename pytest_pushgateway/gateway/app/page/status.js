// The status view: health, how to connect, build information and flags.

import { address } from "./api.js";
import { h, setText, snippet } from "./dom.js";
import { date, duration, lines, minutes, visible } from "./format.js";

const NAMES = { version: "Version", revision: "Revision", branch: "Branch", buildUser: "Build user", buildDate: "Build date", goVersion: "Runs on" };

function table(caption, pairs) {
  return h("table", { class: "plain" }, h("caption", { class: "sr" }, caption), h("tbody", {}, ...pairs.map(([name, value]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, value === "" ? h("span", { class: "muted" }, "not set") : visible(value, 400))))));
}

function scrapeConfig(telemetryPath, user) {
  const { host, pathname, protocol } = new URL(address(telemetryPath.replace(/^\//, "")));
  const lines = ["scrape_configs:", "  - job_name: pushgateway", "    honor_labels: true # keeps the job and instance that were pushed"];
  if (protocol === "https:") lines.push("    scheme: https");
  if (user !== null) lines.push(`    basic_auth: {username: ${JSON.stringify(user)}, password: PASSWORD} # the password is not known here`);
  if (pathname !== "/metrics") lines.push(`    metrics_path: ${JSON.stringify(pathname)}`);
  return [...lines, "    static_configs:", `      - targets: [${JSON.stringify(host)}]`].join("\n");
}

function persistence({ file, interval, error, since }) {
  if (error) return ["bad", "Persistence", "Failing", `${error} (since ${date(since)}). Pushes go on; what they bring is lost if the gateway stops before it can write ${file}.`];
  if (!file) return ["off", "Persistence", "Off", "Metrics live in memory and are gone when the gateway stops."];
  return ["good", "Persistence", "On", `${file}, ${interval > 0 ? `written every ${duration(interval)}` : "written before each answer"}.`];
}

function consistency({ conflicts, conflict_error: error }) {
  if (!error) return ["good", "Consistency", "Sound", "What is stored can be scraped."];
  const { length } = conflicts;
  const cure = length ? `\nDelete ${length === 1 ? "the group" : `all ${length} groups`} that the banner names.` : "";
  return ["bad", "Consistency", "Broken", `Scrapes answer 500: ${error}${cure}`];
}

export function makeStatus(app) {
  const health = h("div", { class: "cards" });
  const rest = h("div");
  let drawn = null;
  let shown = "";
  return {
    node: h("div", { class: "status" }, h("h1", { class: "sr" }, "Status"), h("h2", {}, "Health"), health, rest),
    update() {
      const { state, status } = app;
      const cards = [
        ["good", "Running", `since ${date(state.start_time)}`, ""],
        persistence(state.persistence),
        consistency(state),
      ];
      const text = JSON.stringify(cards);
      if (text !== shown) {
        shown = text;
        health.replaceChildren(...cards.map(([kind, name, value, note]) => h("div", { class: `card ${kind}` }, h("h3", {}, name), h("p", { class: "big" }, value), h("p", { class: "muted" }, lines(note, 2000)))));
      }
      const uptime = health.firstChild.lastChild;
      setText(uptime, `for ${minutes(Math.max(0, app.now() - state.start_time))}`);
      if (drawn === status) return;
      drawn = status;
      const path = status.flags["web.telemetry-path"];
      rest.replaceChildren(
        h("h2", {}, "Scrape it"),
        h("p", { class: "muted" }, "For prometheus.yml:"),
        snippet("Scrape configuration", scrapeConfig(path, state.user)),
        h("h2", {}, "Build information"),
        table("Build information", Object.entries(NAMES).map(([key, name]) => [name, status.build_information[key] ?? ""])),
        h("h2", {}, "Flags"),
        table("Flags", Object.entries(status.flags)),
      );
    },
  };
}
