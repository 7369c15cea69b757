// An edge node by sparkplug-client (Eclipse Tahu): node sparkplug_edge.js PORT GROUP EDGE [ms between data] [aliases]
const [port, group, edge, every, aliases] = process.argv.slice(2);
const client = require("sparkplug-client").newClient({
  serverUrl: `mqtt://127.0.0.1:${port}`, username: "", password: "", groupId: group, edgeNode: edge,
  clientId: `js-${edge}-${process.pid}`, version: "spBv1.0",
});
const alias = (n) => (aliases ? { alias: n } : {});
let count = 0;
let timer = null;
const device = () => ({
  timestamp: Date.now(),
  metrics: [
    { name: "count", type: "Int64", value: count, ...alias(1) },
    { name: "state", type: "String", value: "EXECUTE", ...alias(2) },
    { name: "below", type: "Int32", value: -7, ...alias(3) },
    { name: "on", type: "Boolean", value: true, ...alias(4) },
    { name: "table", type: "DataSet", ...alias(5), value: { numOfColumns: 2, columns: ["a", "b"], types: ["Int32", "String"], rows: [[1, "x"], [2, "y"]] } },
    { name: "pump", type: "Template", ...alias(6), value: { templateRef: "Pump", isDefinition: false, metrics: [{ name: "rpm", type: "Double", value: 1450.5 }], parameters: [{ name: "maker", type: "String", value: "M" }] } },
  ],
});
const births = () => {
  client.publishNodeBirth({
    timestamp: Date.now(),
    metrics: [
      { name: "Node Control/Rebirth", type: "Boolean", value: false },
      { name: "temp", type: "Double", value: 1.5 },
      { name: "Pump", type: "Template", value: { isDefinition: true, metrics: [{ name: "rpm", type: "Double", value: 0 }], parameters: [{ name: "maker", type: "String", value: "" }] } },
    ],
  });
  client.publishDeviceBirth("D1", device());
};
client.on("ncmd", (payload) => {
  if (payload.metrics.some((one) => one.name === "Node Control/Rebirth" && one.value)) births();
});
client.on("birth", () => {
  births();
  if (!timer) {
    timer = setInterval(() => {
      count += 1;
      const name = aliases ? { alias: 1 } : { name: "count" };
      client.publishDeviceData("D1", { timestamp: Date.now(), metrics: [{ ...name, type: "Int64", value: count, timestamp: Date.now() }] });
    }, Number(every || 50));
    console.log("ready");
  }
});
