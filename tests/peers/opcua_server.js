// An OPC UA server of another maker. One JSON argument:
// {port, pki, count, period, shift, history, users, allow}: `count` counters under Objects/M, all counted up every `period` ms;
// `shift` registers so many namespaces before ours and numbers nodes anew, as a server does that was set up again.
const { OPCUAServer, OPCUACertificateManager, Variant, DataType, DataValue, StatusCodes, VariantArrayType, coerceLocalizedText,
        standardUnits, addAggregateSupport } = require("node-opcua");

(async () => {
  const asked = { port: 4840, pki: require("path").join(require("os").tmpdir(), "pki-" + process.pid), count: 0, period: 100, shift: 0, history: false, ...JSON.parse(process.argv[2]) };
  const certificates = new OPCUACertificateManager({ rootFolder: asked.pki, automaticallyAcceptUnknownCertificate: asked.allow !== false });
  await certificates.initialize();
  const server = new OPCUAServer({
    port: asked.port, resourcePath: "/", hostname: "127.0.0.1", serverCertificateManager: certificates,
    serverCapabilities: { maxMonitoredItemsPerCall: asked.batch || 0, operationLimits: { maxMonitoredItemsPerCall: asked.batch || 0 } },
    allowAnonymous: asked.users ? false : true,
    userManager: { isValidUser: (name, word) => name === "steelyard" && word === "right" },
  });
  await server.initialize();
  const space = server.engine.addressSpace;
  for (let i = 0; i < asked.shift; i++) space.registerNamespace("urn:before:" + i);
  const ns = space.registerNamespace("urn:plant");
  const first = 50000 + 7000 * asked.shift;

  const line = ns.addObject({ organizedBy: space.rootFolder.objects, browseName: "Line1", nodeId: "i=" + (first + 1) });
  const press = ns.addObject({ componentOf: line, browseName: "Press7", nodeId: "i=" + (first + 2) });
  let number = first + 10;
  const variable = (name, dataType, value, more = {}) =>
    ns.addVariable({ componentOf: press, browseName: name, nodeId: "i=" + number++, dataType, minimumSamplingInterval: 10, value: new Variant({ dataType, value, ...more }) });
  const state = variable("State", "String", "Execute");
  const count = variable("Count", "Int32", 0);
  variable("Running", "Boolean", true);
  variable("Wide", "UInt64", [2097152, 1], { arrayType: VariantArrayType.Scalar });
  variable("Begun", "DateTime", new Date("2026-03-01T08:00:00.250Z"));
  variable("Name", "LocalizedText", coerceLocalizedText("压机"));
  variable("Array", "Double", new Float64Array([1, 2.5]), { arrayType: VariantArrayType.Array });
  variable("Blob", "ByteString", Buffer.from("ab"));
  const sensor = variable("Sensor", "Double", 1.5);
  sensor.setValueFromSource(new Variant({ dataType: DataType.Double, value: 1.5 }), StatusCodes.UncertainSensorNotAccurate);
  const broken = variable("Broken", "Double", 0);
  broken.setValueFromSource(new Variant({ dataType: DataType.Double, value: 0 }), StatusCodes.BadSensorFailure);
  ns.addAnalogDataItem({ componentOf: press, browseName: "Temperature", nodeId: "i=" + number++, definition: "t", dataType: "Double",
    valuePrecision: 0.1, engineeringUnitsRange: { low: -50, high: 500 }, instrumentRange: { low: -50, high: 500 },
    engineeringUnits: standardUnits.degree_celsius, value: new Variant({ dataType: DataType.Double, value: 21.5 }) });
  const kind = ns.addEnumerationType({ browseName: "DoorType", enumeration: ["Open", "Closed", "Locked"] });
  ns.addVariable({ componentOf: press, browseName: "Door", nodeId: "i=" + number++, dataType: kind, value: new Variant({ dataType: DataType.Int32, value: 2 }) });
  if (asked.history) {
    space.installHistoricalDataNode(count, { maxOnlineValues: 100000 });
    space.installHistoricalDataNode(state, { maxOnlineValues: 1000 });
  }

  const holder = ns.addObject({ organizedBy: space.rootFolder.objects, browseName: "M", nodeId: "i=" + (first + 3) });
  const counters = [];
  for (let i = 0; i < asked.count; i++)
    counters.push(ns.addVariable({ componentOf: holder, browseName: "v" + i, nodeId: "i=" + (200001 + i + 100000 * asked.shift), dataType: "Double",
      minimumSamplingInterval: 50, value: new Variant({ dataType: DataType.Double, value: 0 }) }));

  let turn = 0;
  setInterval(() => {
    turn++;
    count.setValueFromSource(new Variant({ dataType: DataType.Int32, value: turn }));
    for (const counter of counters) counter.setValueFromSource(new Variant({ dataType: DataType.Double, value: turn }));
  }, asked.period);
  await server.start();
  console.log("ready");
})();
