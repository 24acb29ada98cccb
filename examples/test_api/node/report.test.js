// Tests of report.js with node:test; the gateway runs in another process.
"use strict";
const assert = require("node:assert");
const { beforeEach, test } = require("node:test");
const { report } = require("./report.js");

const API = `${process.env.TEST_API || "http://127.0.0.1:9092"}/v1`;

async function call(path, body, method = "POST") {
  const response = await fetch(`${API}/${path}`, { method, body: JSON.stringify(body) });
  const text = await response.text();
  const answer = text ? JSON.parse(text) : undefined;
  assert.ok(response.ok, answer?.detail);
  return answer;
}

beforeEach(() => call("reset", {}));

test("pushes the rows", async () => {
  assert.ok(await report(7));
  await call("assert/pushed", { name: "report_rows", value: 7, labels: { job: "report" } });
});

test("survives a broken gateway", async () => {
  const fault = await call("faults", { kind: "disconnect" });
  assert.ok(!(await report(7)));
  const { faults } = await call("faults", undefined, "GET");
  assert.equal(faults.find(({ id }) => id === fault.id).hits, 1);
});

test("a failing assertion has its message", async () => {
  await report(7);
  await assert.rejects(call("assert/exposed", { name: "report_rows", value: 8 }), /expected report_rows 8 .* value is 7/);
});
