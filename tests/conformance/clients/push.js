// Pushes with prom-client: node push.js URL, prom-client on NODE_PATH. Prints what each call came to.
"use strict";
const client = require("prom-client");

async function main(url) {
  const register = new client.Registry();
  const labels = { registers: [register] };
  const gauge = new client.Gauge({ name: "node_gauge", help: 'A gauge with "quotes"', labelNames: ["l"], ...labels });
  gauge.set({ l: 'v"\\\n' }, 1000000);
  new client.Counter({ name: "node_counter_total", help: "A counter", ...labels }).inc(3);
  const histogram = new client.Histogram({ name: "node_histogram", help: "A histogram", buckets: [0.1, 1], ...labels });
  histogram.observe(0.5);
  const summary = new client.Summary({ name: "node_summary", help: "A summary", percentiles: [0.5], ...labels });
  summary.observe(2);

  const report = async (name, call) => {
    try {
      const { resp } = await call();
      console.log(`${name}: ${resp.statusCode}`);
    } catch (error) {
      console.log(`${name}: ${error.message}`);
    }
  };
  const gateway = new client.Pushgateway(url, [], register);
  await report("push", () => gateway.push({ jobName: "node" }));
  await report("pushAdd", () => gateway.pushAdd({ jobName: "node", groupings: { instance: "i 1", zone: "ü" } }));
  await report("push with a slash", () => gateway.push({ jobName: "n/j" }));
  await report("push with a slash in a value", () => gateway.push({ jobName: "n", groupings: { path: "/a" } }));
  await report("push again", () => gateway.push({ jobName: "node", groupings: { zone: "gone" } }));
  await report("delete", () => gateway.delete({ jobName: "node", groupings: { zone: "gone" } }));
  await report("no job", () => new client.Pushgateway(url, { requireJobName: false }, register).push({}));

  gauge.set({ l: "second" }, -0.5);
  const packed = new client.Pushgateway(url, { headers: { "Content-Encoding": "gzip" } }, register);
  await report("gzip that prom-client compresses", () => packed.push({ jobName: "packed" }));
}

main(process.argv[2]);
