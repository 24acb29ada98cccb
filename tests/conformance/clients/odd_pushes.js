// Pushes with prom-client: node odd_pushes.js, prom-client on NODE_PATH. Reads pushes from standard input, one on each
// line, in JSON, and prints a line for each: "ok", or the error.
"use strict";
const client = require("prom-client");

async function push({ url, name, job, grouping }) {
  const register = new client.Registry();
  new client.Gauge({ name, help: "An odd push", registers: [register] }).set(1);
  await new client.Pushgateway(url, [], register).pushAdd({ jobName: job, groupings: grouping });
}

async function main() {
  for await (const line of require("readline").createInterface({ input: process.stdin })) {
    await push(JSON.parse(line)).then(
      () => console.log("ok"),
      (error) => console.log(JSON.stringify(error.message)),
    );
  }
}

main();
